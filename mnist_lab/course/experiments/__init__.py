"""Trains recipes many times, measures each training, and makes what the service needs."""
