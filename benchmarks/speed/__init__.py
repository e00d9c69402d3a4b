"""What a user would notice of the speed, measured against what they would use instead."""
