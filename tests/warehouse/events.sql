CREATE TABLE IF NOT EXISTS events (
    user_id INTEGER, event_type VARCHAR, "timestamp" TIMESTAMP, metadata VARCHAR
);
INSERT INTO events VALUES
    (1, 'click', '2024-01-01 10:00:00', '{}'), (1, 'click', '2024-01-01 11:00:00', '{}'),
    (2, 'view', '2024-01-02 10:00:00', '{}'), (3, 'view', '2024-01-03 10:00:00', NULL),
    (NULL, 'view', '2024-01-03 10:00:00', '{}')
-- next
CREATE OR REPLACE TABLE events_clean AS
SELECT
    user_id,
    event_type,
    DATE_TRUNC('day', timestamp) as event_date,
    COUNT(*) as event_count,
    ANY_VALUE(metadata) as sample_metadata
FROM events
WHERE user_id IS NOT NULL
GROUP BY user_id, event_type, event_date
-- next
CREATE INDEX idx_events_user ON events_clean(user_id);
CREATE INDEX idx_events_date ON events_clean(event_date);
-- next
CREATE OR REPLACE VIEW latest AS
SELECT * FROM events_clean
-- next
CREATE TABLE IF NOT EXISTS queue (
    id INTEGER PRIMARY KEY,
    payload JSON,
    status VARCHAR DEFAULT 'pending',
    created_at TIMESTAMP DEFAULT NOW(),
    result VARCHAR
)
-- next
INSERT INTO queue (id, payload, created_at)
VALUES (1, '{"a": "it''s"}', NOW() - INTERVAL '1 hour')
-- next
UPDATE queue SET status = 'completed', result = 'done' WHERE status = 'pending' AND id > 0
