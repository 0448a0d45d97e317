"""What Streamlit executes at every turn."""

from secondtake.studio.shell import show_studio

show_studio()
