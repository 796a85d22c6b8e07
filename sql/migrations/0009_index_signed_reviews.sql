-- Queues ask of each line whether the reader ever signed another opinion of the same execution.

CREATE INDEX review_assessments_expert ON review_assessments (expert_id, review_id);
