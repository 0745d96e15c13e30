"""What happens to subscriptions: starts, changes, edits, ends."""
