"""Figure reports: folders that open anywhere."""
