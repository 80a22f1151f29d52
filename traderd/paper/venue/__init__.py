"""The exchange itself, pure: records, matching, money, and the rules about all of them."""
