-- Goes up with each change of an article, of what it says and of whether it is published: what an edit is compared with. Null counts 0.
alter table articles add column revision bigint;
