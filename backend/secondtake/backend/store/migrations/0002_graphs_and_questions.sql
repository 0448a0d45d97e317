-- How a node was reached, and what a person is asked in it.
ALTER TABLE node_timings ADD COLUMN entered_from VARCHAR[];
ALTER TABLE node_timings ADD COLUMN question JSON;
