"""What happens elsewhere because an upgrade moved: statistics, congratulations, the audit record.

Each consumer takes one event at a time and may be given the same one again, at any time and out of
order across topics: what it stores is the same as if each had come once. No I/O in here.
"""
