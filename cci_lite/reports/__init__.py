"""Reports: the failure leaderboard in several formats, and the report page of a tenant."""
