-- Queues ask of each line whether the reader ever signed another opinion of the same execution, and every page of a
-- judge what was done last to any review.

CREATE INDEX review_assessments_expert ON review_assessments (expert_id, review_id);
CREATE INDEX activity_log_reviews ON activity_log (id) WHERE entity_type IN ('review', 'review_case');
