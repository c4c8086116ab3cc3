"""MiniStack 1.5.33 with the parts of AWS that Rekey depends on made true. Local only."""
