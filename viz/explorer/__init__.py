"""Streamlit pages: widgets, then the same measures and drawings as everywhere."""
