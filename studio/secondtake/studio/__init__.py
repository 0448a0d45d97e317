"""What a person looks at: Streamlit pages over `secondtake.backend.client`."""
