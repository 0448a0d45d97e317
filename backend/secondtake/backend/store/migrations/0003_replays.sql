-- What kind of replay a run was, and where it left its source.
ALTER TABLE replays ADD COLUMN seq BIGINT;
ALTER TABLE replays ADD COLUMN replay_kind VARCHAR;
ALTER TABLE replays ADD COLUMN verdict_reason VARCHAR;
ALTER TABLE replays ADD COLUMN diverged_source_span_id VARCHAR;
ALTER TABLE replays ADD COLUMN diverged_call INTEGER;
ALTER TABLE replays ADD COLUMN live_by_node JSON;
