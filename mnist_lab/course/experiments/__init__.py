"""Trains recipes many times and measures each training."""
