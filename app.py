"""`streamlit run app.py` opens the explorer."""

from viz.explorer.app import main

main()
