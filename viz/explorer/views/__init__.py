"""One file per page: widgets, then a measure, then a drawing."""
