"""The page of one run: `/run?id=<run id>`."""

import streamlit as st


def show() -> None:
    """Draw the page of the run that the address names."""
    st.text(st.query_params.get("id", "no run"))
