-- A workspace as revision 0001 wrote it; never regenerate it.
BEGIN TRANSACTION;
CREATE TABLE concepts (
	position INTEGER NOT NULL, 
	project_id VARCHAR NOT NULL, 
	id VARCHAR NOT NULL, 
	status VARCHAR NOT NULL, 
	origin_source VARCHAR NOT NULL, 
	run_id VARCHAR, 
	natural_key VARCHAR(32) NOT NULL, 
	stale BOOLEAN NOT NULL, 
	version INTEGER NOT NULL, 
	created DATETIME NOT NULL, 
	provenance JSON NOT NULL, 
	term TEXT NOT NULL, 
	sub_area TEXT NOT NULL, 
	definition TEXT NOT NULL, 
	example TEXT NOT NULL, 
	related_terms JSON NOT NULL, 
	CONSTRAINT pk_concepts PRIMARY KEY (position), 
	CONSTRAINT uq_concepts_id_project_id UNIQUE (id, project_id), 
	CONSTRAINT uq_concepts_project_id_natural_key UNIQUE (project_id, natural_key), 
	CONSTRAINT fk_concepts_project_id FOREIGN KEY(project_id) REFERENCES projects (id)
);
INSERT INTO "concepts" VALUES(1,'p-0660f38f3b04c0-0e5bcc','c-1','proposed','model',NULL,'dfc0cd6d52946979fbf257d550cd3e64',0,1,'2026-11-23 15:50:56.595333','{"source":"model","model":null,"prompt":null,"request_hash":null,"run_id":null,"span":null,"editor":null,"created":"2026-11-23T15:50:56.595333Z"}','Deposit','','Money held.','','["bond"]');
CREATE TABLE distiller_revision (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT distiller_revision_pkc PRIMARY KEY (version_num)
);
INSERT INTO "distiller_revision" VALUES('0001');
CREATE TABLE document_types (
	position INTEGER NOT NULL, 
	project_id VARCHAR NOT NULL, 
	id VARCHAR NOT NULL, 
	status VARCHAR NOT NULL, 
	origin_source VARCHAR NOT NULL, 
	run_id VARCHAR, 
	natural_key VARCHAR(32) NOT NULL, 
	stale BOOLEAN NOT NULL, 
	version INTEGER NOT NULL, 
	created DATETIME NOT NULL, 
	provenance JSON NOT NULL, 
	type TEXT NOT NULL, 
	description TEXT NOT NULL, 
	common_sections JSON NOT NULL, 
	CONSTRAINT pk_document_types PRIMARY KEY (position), 
	CONSTRAINT uq_document_types_id_project_id UNIQUE (id, project_id), 
	CONSTRAINT uq_document_types_project_id_natural_key UNIQUE (project_id, natural_key), 
	CONSTRAINT fk_document_types_project_id FOREIGN KEY(project_id) REFERENCES projects (id)
);
INSERT INTO "document_types" VALUES(1,'p-0660f38f3b04c0-0e5bcc','k-1','proposed','model',NULL,'509583cdb70bbab7e02c793f337a4774',0,1,'2026-11-23 15:50:56.595372','{"source":"model","model":null,"prompt":null,"request_hash":null,"run_id":null,"span":null,"editor":null,"created":"2026-11-23T15:50:56.595372Z"}','lease','Contract.','[]');
CREATE TABLE events (
	position INTEGER NOT NULL, 
	project_id VARCHAR NOT NULL, 
	id VARCHAR NOT NULL, 
	item_kind VARCHAR NOT NULL, 
	item_id VARCHAR NOT NULL, 
	action VARCHAR NOT NULL, 
	group_id VARCHAR, 
	undoes VARCHAR, 
	seconds FLOAT, 
	created DATETIME NOT NULL, 
	who TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	old JSON NOT NULL, 
	new JSON NOT NULL, 
	CONSTRAINT pk_events PRIMARY KEY (position), 
	CONSTRAINT fk_events_project_id FOREIGN KEY(project_id) REFERENCES projects (id), 
	CONSTRAINT uq_events_id UNIQUE (id)
);
INSERT INTO "events" VALUES(1,'p-0660f38f3b04c0-0e5bcc','e-0660f38f3b5131-e020b4','query','q-1','approve','g-0660f38f3b471e-86ae31',NULL,2.5,'2026-11-23 15:50:56.612714','Ada','','{"status":"proposed"}','{"status":"approved"}');
CREATE TABLE facts (
	position INTEGER NOT NULL, 
	project_id VARCHAR NOT NULL, 
	id VARCHAR NOT NULL, 
	status VARCHAR NOT NULL, 
	origin_source VARCHAR NOT NULL, 
	run_id VARCHAR, 
	natural_key VARCHAR(32) NOT NULL, 
	stale BOOLEAN NOT NULL, 
	version INTEGER NOT NULL, 
	created DATETIME NOT NULL, 
	provenance JSON NOT NULL, 
	fact TEXT NOT NULL, 
	CONSTRAINT pk_facts PRIMARY KEY (position), 
	CONSTRAINT uq_facts_id_project_id UNIQUE (id, project_id), 
	CONSTRAINT uq_facts_project_id_natural_key UNIQUE (project_id, natural_key), 
	CONSTRAINT fk_facts_project_id FOREIGN KEY(project_id) REFERENCES projects (id)
);
INSERT INTO "facts" VALUES(1,'p-0660f38f3b04c0-0e5bcc','f-1','proposed','model',NULL,'75447eb6f3d243328ca02eb5513af194',0,1,'2026-11-23 15:50:56.595380','{"source":"model","model":null,"prompt":null,"request_hash":null,"run_id":null,"span":null,"editor":null,"created":"2026-11-23T15:50:56.595380Z"}','Notice is two months.');
CREATE TABLE failures (
	position INTEGER NOT NULL, 
	project_id VARCHAR NOT NULL, 
	id VARCHAR NOT NULL, 
	stage VARCHAR NOT NULL, 
	attempts INTEGER NOT NULL, 
	created DATETIME NOT NULL, 
	"key" TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	completion TEXT NOT NULL, 
	CONSTRAINT pk_failures PRIMARY KEY (position), 
	CONSTRAINT uq_failures_project_id_stage_key UNIQUE (project_id, stage, "key"), 
	CONSTRAINT fk_failures_project_id FOREIGN KEY(project_id) REFERENCES projects (id), 
	CONSTRAINT uq_failures_id UNIQUE (id)
);
INSERT INTO "failures" VALUES(1,'p-0660f38f3b04c0-0e5bcc','f-0660f38f3b73bd-a996a1','passages',1,'2026-11-23 15:50:56.621528','q-1/positive/1','half a JSON','{"te');
CREATE TABLE jobs (
	position INTEGER NOT NULL, 
	project_id VARCHAR, 
	id VARCHAR NOT NULL, 
	kind VARCHAR NOT NULL, 
	state VARCHAR NOT NULL, 
	done INTEGER NOT NULL, 
	total INTEGER NOT NULL, 
	heartbeat DATETIME, 
	created DATETIME NOT NULL, 
	finished DATETIME, 
	message TEXT NOT NULL, 
	parameters JSON NOT NULL, 
	metrics JSON NOT NULL, 
	CONSTRAINT pk_jobs PRIMARY KEY (position), 
	CONSTRAINT fk_jobs_project_id FOREIGN KEY(project_id) REFERENCES projects (id), 
	CONSTRAINT uq_jobs_id UNIQUE (id)
);
INSERT INTO "jobs" VALUES(1,'p-0660f38f3b04c0-0e5bcc','job-1','queries','queued',0,0,NULL,'2026-11-23 15:50:56.629845',NULL,'','{}','[]');
CREATE TABLE judgments (
	position INTEGER NOT NULL, 
	project_id VARCHAR NOT NULL, 
	id VARCHAR NOT NULL, 
	status VARCHAR NOT NULL, 
	origin_source VARCHAR NOT NULL, 
	run_id VARCHAR, 
	natural_key VARCHAR(32) NOT NULL, 
	stale BOOLEAN NOT NULL, 
	version INTEGER NOT NULL, 
	created DATETIME NOT NULL, 
	provenance JSON NOT NULL, 
	query_id VARCHAR NOT NULL, 
	passage_id VARCHAR NOT NULL, 
	strategy VARCHAR NOT NULL, 
	source VARCHAR NOT NULL, 
	grade INTEGER NOT NULL, 
	score FLOAT, 
	explanation TEXT NOT NULL, 
	CONSTRAINT pk_judgments PRIMARY KEY (position), 
	CONSTRAINT fk_judgments_query_id FOREIGN KEY(query_id, project_id) REFERENCES queries (id, project_id), 
	CONSTRAINT fk_judgments_passage_id FOREIGN KEY(passage_id, project_id) REFERENCES passages (id, project_id), 
	CONSTRAINT uq_judgments_id_project_id UNIQUE (id, project_id), 
	CONSTRAINT uq_judgments_project_id_natural_key UNIQUE (project_id, natural_key), 
	CONSTRAINT fk_judgments_project_id FOREIGN KEY(project_id) REFERENCES projects (id)
);
INSERT INTO "judgments" VALUES(1,'p-0660f38f3b04c0-0e5bcc','j-1','proposed','model',NULL,'38944f07a525366cef685b9118d66d8e',0,1,'2026-11-23 15:50:56.595420','{"source":"model","model":null,"prompt":null,"request_hash":null,"run_id":null,"span":null,"editor":null,"created":"2026-11-23T15:50:56.595420Z"}','q-1','d-1','positive','generator',3,NULL,'');
INSERT INTO "judgments" VALUES(2,'p-0660f38f3b04c0-0e5bcc','j-2','proposed','model',NULL,'c0eed29ffb5d1953f45229d1bee891e1',0,1,'2026-11-23 15:50:56.595431','{"source":"model","model":null,"prompt":null,"request_hash":null,"run_id":null,"span":null,"editor":null,"created":"2026-11-23T15:50:56.595431Z"}','q-1','d-2','standard','generator',0,NULL,'');
CREATE TABLE ledger (
	position INTEGER NOT NULL, 
	project_id VARCHAR, 
	id VARCHAR NOT NULL, 
	request_hash VARCHAR NOT NULL, 
	outcome VARCHAR NOT NULL, 
	stage VARCHAR NOT NULL, 
	prompt VARCHAR NOT NULL, 
	endpoint VARCHAR NOT NULL, 
	model VARCHAR NOT NULL, 
	finish_reason VARCHAR NOT NULL, 
	prompt_tokens BIGINT NOT NULL, 
	cached_tokens BIGINT NOT NULL, 
	completion_tokens BIGINT NOT NULL, 
	completions INTEGER NOT NULL, 
	cost FLOAT NOT NULL, 
	latency_s FLOAT NOT NULL, 
	created DATETIME NOT NULL, 
	error TEXT NOT NULL, 
	completion TEXT NOT NULL, 
	request JSON NOT NULL, 
	logprobs JSON, 
	CONSTRAINT pk_ledger PRIMARY KEY (position), 
	CONSTRAINT fk_ledger_project_id FOREIGN KEY(project_id) REFERENCES projects (id), 
	CONSTRAINT uq_ledger_id UNIQUE (id)
);
INSERT INTO "ledger" VALUES(1,'p-0660f38f3b04c0-0e5bcc','l-1','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','ok','queries','queries.write@1','local','small','stop',100,0,7,1,0.25,0.0,'2026-11-23 15:50:56.617510','','Ja.','{"seed":13}',NULL);
CREATE TABLE models (
	position INTEGER NOT NULL, 
	project_id VARCHAR, 
	id VARCHAR NOT NULL, 
	snapshot_hash VARCHAR NOT NULL, 
	best_step INTEGER NOT NULL, 
	created DATETIME NOT NULL, 
	path TEXT NOT NULL, 
	base TEXT NOT NULL, 
	base_license TEXT NOT NULL, 
	recipe JSON NOT NULL, 
	metrics JSON NOT NULL, 
	CONSTRAINT pk_models PRIMARY KEY (position), 
	CONSTRAINT fk_models_project_id FOREIGN KEY(project_id) REFERENCES projects (id), 
	CONSTRAINT uq_models_id UNIQUE (id)
);
INSERT INTO "models" VALUES(1,'p-0660f38f3b04c0-0e5bcc','m-1','abc',0,'2026-11-23 15:50:56.641469','models/m-1','tiny','unknown','{"epochs":1}','[]');
CREATE TABLE passages (
	position INTEGER NOT NULL, 
	project_id VARCHAR NOT NULL, 
	id VARCHAR NOT NULL, 
	status VARCHAR NOT NULL, 
	origin_source VARCHAR NOT NULL, 
	run_id VARCHAR, 
	natural_key VARCHAR(32) NOT NULL, 
	stale BOOLEAN NOT NULL, 
	version INTEGER NOT NULL, 
	created DATETIME NOT NULL, 
	provenance JSON NOT NULL, 
	origin VARCHAR NOT NULL, 
	title TEXT NOT NULL, 
	text TEXT NOT NULL, 
	CONSTRAINT pk_passages PRIMARY KEY (position), 
	CONSTRAINT uq_passages_id_project_id UNIQUE (id, project_id), 
	CONSTRAINT uq_passages_project_id_natural_key UNIQUE (project_id, natural_key), 
	CONSTRAINT fk_passages_project_id FOREIGN KEY(project_id) REFERENCES projects (id)
);
INSERT INTO "passages" VALUES(1,'p-0660f38f3b04c0-0e5bcc','d-1','proposed','model',NULL,'da9541d10a9983cdee4a174895f8cd57',0,1,'2026-11-23 15:50:56.595402','{"source":"model","model":null,"prompt":null,"request_hash":null,"run_id":null,"span":null,"editor":null,"created":"2026-11-23T15:50:56.595402Z"}','generated','','A landlord protects the deposit.');
INSERT INTO "passages" VALUES(2,'p-0660f38f3b04c0-0e5bcc','d-2','proposed','model',NULL,'db5142da97f27468d21bb83b4e982f6d',0,1,'2026-11-23 15:50:56.595408','{"source":"model","model":null,"prompt":null,"request_hash":null,"run_id":null,"span":null,"editor":null,"created":"2026-11-23T15:50:56.595408Z"}','generated','','Rent falls due monthly.');
CREATE TABLE projects (
	position INTEGER NOT NULL, 
	id VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	domain JSON NOT NULL, 
	version INTEGER NOT NULL, 
	created DATETIME NOT NULL, 
	CONSTRAINT pk_projects PRIMARY KEY (position), 
	CONSTRAINT uq_projects_id UNIQUE (id), 
	CONSTRAINT uq_projects_name UNIQUE (name)
);
INSERT INTO "projects" VALUES(1,'p-0660f38f3b04c0-0e5bcc','residential-tenancy-law','{"name":"Residential tenancy law","description":"Renting a home.","audience":"","exclusions":["commercial leases"],"language":"en","template":"general","example_queries":[]}',1,'2026-11-23 15:50:56.593252');
CREATE TABLE queries (
	position INTEGER NOT NULL, 
	project_id VARCHAR NOT NULL, 
	id VARCHAR NOT NULL, 
	status VARCHAR NOT NULL, 
	origin_source VARCHAR NOT NULL, 
	run_id VARCHAR, 
	natural_key VARCHAR(32) NOT NULL, 
	stale BOOLEAN NOT NULL, 
	version INTEGER NOT NULL, 
	created DATETIME NOT NULL, 
	provenance JSON NOT NULL, 
	type TEXT NOT NULL, 
	answer_type TEXT NOT NULL, 
	persona TEXT NOT NULL, 
	"query" TEXT NOT NULL, 
	complexity VARCHAR NOT NULL, 
	key_concepts JSON NOT NULL, 
	CONSTRAINT pk_queries PRIMARY KEY (position), 
	CONSTRAINT uq_queries_id_project_id UNIQUE (id, project_id), 
	CONSTRAINT uq_queries_project_id_natural_key UNIQUE (project_id, natural_key), 
	CONSTRAINT fk_queries_project_id FOREIGN KEY(project_id) REFERENCES projects (id)
);
INSERT INTO "queries" VALUES(1,'p-0660f38f3b04c0-0e5bcc','q-1','approved','model',NULL,'d22f7bda23fb18084af06f1068e6a4da',0,2,'2026-11-23 15:50:56.595390','{"source":"model","model":null,"prompt":null,"request_hash":null,"run_id":null,"span":null,"editor":null,"created":"2026-11-23T15:50:56.595390Z"}','factual','','','who keeps the deposit','moderate','["Deposit"]');
CREATE TABLE relationships (
	position INTEGER NOT NULL, 
	project_id VARCHAR NOT NULL, 
	id VARCHAR NOT NULL, 
	status VARCHAR NOT NULL, 
	origin_source VARCHAR NOT NULL, 
	run_id VARCHAR, 
	natural_key VARCHAR(32) NOT NULL, 
	stale BOOLEAN NOT NULL, 
	version INTEGER NOT NULL, 
	created DATETIME NOT NULL, 
	provenance JSON NOT NULL, 
	type TEXT NOT NULL, 
	description TEXT NOT NULL, 
	examples JSON NOT NULL, 
	CONSTRAINT pk_relationships PRIMARY KEY (position), 
	CONSTRAINT uq_relationships_id_project_id UNIQUE (id, project_id), 
	CONSTRAINT uq_relationships_project_id_natural_key UNIQUE (project_id, natural_key), 
	CONSTRAINT fk_relationships_project_id FOREIGN KEY(project_id) REFERENCES projects (id)
);
INSERT INTO "relationships" VALUES(1,'p-0660f38f3b04c0-0e5bcc','r-1','proposed','model',NULL,'0e71d968ac886b4507dcf114052b04ff',0,1,'2026-11-23 15:50:56.595352','{"source":"model","model":null,"prompt":null,"request_hash":null,"run_id":null,"span":null,"editor":null,"created":"2026-11-23T15:50:56.595352Z"}','requires','A needs B.','[]');
CREATE TABLE reports (
	position INTEGER NOT NULL, 
	project_id VARCHAR, 
	id VARCHAR NOT NULL, 
	created DATETIME NOT NULL, 
	collection TEXT NOT NULL, 
	report JSON NOT NULL, 
	CONSTRAINT pk_reports PRIMARY KEY (position), 
	CONSTRAINT fk_reports_project_id FOREIGN KEY(project_id) REFERENCES projects (id), 
	CONSTRAINT uq_reports_id UNIQUE (id)
);
INSERT INTO "reports" VALUES(1,'p-0660f38f3b04c0-0e5bcc','e-1','2026-11-23 15:50:56.645789','adi','{"id":"e-1","collection":"adi","queries":35,"passages":82,"systems":[{"name":"bm25","measures":{"ndcg@10":0.5},"intervals":{},"per_query":{},"flops":null,"query_dims":null,"passage_dims":null,"seconds":0.0}],"comparisons":[],"notes":[],"created":"2026-11-23T15:50:56.645789Z"}');
CREATE TABLE snapshots (
	position INTEGER NOT NULL, 
	project_id VARCHAR, 
	id VARCHAR NOT NULL, 
	content_hash VARCHAR NOT NULL, 
	seed BIGINT NOT NULL, 
	created DATETIME NOT NULL, 
	filters JSON NOT NULL, 
	counts JSON NOT NULL, 
	lineage JSON NOT NULL, 
	examples BLOB NOT NULL, 
	CONSTRAINT pk_snapshots PRIMARY KEY (position), 
	CONSTRAINT fk_snapshots_project_id FOREIGN KEY(project_id) REFERENCES projects (id), 
	CONSTRAINT uq_snapshots_id UNIQUE (id)
);
INSERT INTO "snapshots" VALUES(1,'p-0660f38f3b04c0-0e5bcc','s-1','abc',13,'2026-11-23 15:50:56.637524','{}','{"train":1}','{}',X'1F8B0800000000000003558EC18AC3300C447FC5F89C5D587ACB6DBFA39420EC2135756D5756DA84907F5FB9E9527AD3D34833735CED6D022F43F0B6B7B7AF1FDBED0BA5C7399B0B50AA91338C47C93588EAB214A8AC93CBD71231075976A6541FE0E17D70C132B89C1C8A54DB1F4F9D7D9A843B1AAEB650AD34624FF7CF74C12C0ABF2652F231B33785B3C0C9478DEF761924BE724626AFE3A1B3988B3E92849C76A90A93606C0DABA825B16F5B97591FD214E3A6AD1246FA6FA5E8E25405FC322831B446EA1392F21542B65FB7EDF4077020795C3D010000');
CREATE TABLE typical_questions (
	position INTEGER NOT NULL, 
	project_id VARCHAR NOT NULL, 
	id VARCHAR NOT NULL, 
	status VARCHAR NOT NULL, 
	origin_source VARCHAR NOT NULL, 
	run_id VARCHAR, 
	natural_key VARCHAR(32) NOT NULL, 
	stale BOOLEAN NOT NULL, 
	version INTEGER NOT NULL, 
	created DATETIME NOT NULL, 
	provenance JSON NOT NULL, 
	question TEXT NOT NULL, 
	CONSTRAINT pk_typical_questions PRIMARY KEY (position), 
	CONSTRAINT uq_typical_questions_id_project_id UNIQUE (id, project_id), 
	CONSTRAINT uq_typical_questions_project_id_natural_key UNIQUE (project_id, natural_key), 
	CONSTRAINT fk_typical_questions_project_id FOREIGN KEY(project_id) REFERENCES projects (id)
);
INSERT INTO "typical_questions" VALUES(1,'p-0660f38f3b04c0-0e5bcc','t-1','proposed','model',NULL,'65a0094a4dd05f583a2b22a776ebb20f',0,1,'2026-11-23 15:50:56.595362','{"source":"model","model":null,"prompt":null,"request_hash":null,"run_id":null,"span":null,"editor":null,"created":"2026-11-23T15:50:56.595362Z"}','How much notice?');
CREATE INDEX ix_concepts_project_id_position ON concepts (project_id, position);
CREATE INDEX ix_concepts_project_id_status_position ON concepts (project_id, status, position);
CREATE INDEX ix_relationships_project_id_status_position ON relationships (project_id, status, position);
CREATE INDEX ix_relationships_project_id_position ON relationships (project_id, position);
CREATE INDEX ix_typical_questions_project_id_status_position ON typical_questions (project_id, status, position);
CREATE INDEX ix_typical_questions_project_id_position ON typical_questions (project_id, position);
CREATE INDEX ix_document_types_project_id_status_position ON document_types (project_id, status, position);
CREATE INDEX ix_document_types_project_id_position ON document_types (project_id, position);
CREATE INDEX ix_facts_project_id_position ON facts (project_id, position);
CREATE INDEX ix_facts_project_id_status_position ON facts (project_id, status, position);
CREATE INDEX ix_queries_project_id_status_position ON queries (project_id, status, position);
CREATE INDEX ix_queries_project_id_complexity ON queries (project_id, complexity);
CREATE INDEX ix_queries_project_id_position ON queries (project_id, position);
CREATE INDEX ix_queries_project_id_type ON queries (project_id, type);
CREATE INDEX ix_passages_project_id_position ON passages (project_id, position);
CREATE INDEX ix_passages_project_id_origin ON passages (project_id, origin);
CREATE INDEX ix_passages_project_id_status_position ON passages (project_id, status, position);
CREATE INDEX ix_events_project_id_group_id ON events (project_id, group_id);
CREATE INDEX ix_events_project_id_item_id ON events (project_id, item_id);
CREATE INDEX ix_ledger_spent ON ledger (project_id, created, prompt_tokens, cached_tokens, completion_tokens, cost, completions);
CREATE UNIQUE INDEX uq_ledger_paid_request ON ledger (request_hash) WHERE outcome = 'ok';
CREATE INDEX ix_jobs_project_id_state ON jobs (project_id, state);
CREATE INDEX ix_snapshots_content_hash ON snapshots (content_hash);
CREATE INDEX ix_snapshots_project_id ON snapshots (project_id);
CREATE INDEX ix_models_project_id ON models (project_id);
CREATE INDEX ix_reports_project_id ON reports (project_id);
CREATE INDEX ix_judgments_project_id_query_id ON judgments (project_id, query_id);
CREATE INDEX ix_judgments_project_id_source ON judgments (project_id, source);
CREATE INDEX ix_judgments_project_id_grade ON judgments (project_id, grade);
CREATE INDEX ix_judgments_project_id_status_position ON judgments (project_id, status, position);
CREATE INDEX ix_judgments_project_id_strategy ON judgments (project_id, strategy);
CREATE INDEX ix_judgments_project_id_passage_id ON judgments (project_id, passage_id);
CREATE INDEX ix_judgments_project_id_position ON judgments (project_id, position);
CREATE TRIGGER events_forbids_update BEFORE UPDATE ON events BEGIN SELECT RAISE(ABORT, 'events is append-only'); END;
CREATE TRIGGER events_forbids_delete BEFORE DELETE ON events BEGIN SELECT RAISE(ABORT, 'events is append-only'); END;
CREATE TRIGGER ledger_forbids_update BEFORE UPDATE ON ledger BEGIN SELECT RAISE(ABORT, 'ledger is append-only'); END;
CREATE TRIGGER ledger_forbids_delete BEFORE DELETE ON ledger BEGIN SELECT RAISE(ABORT, 'ledger is append-only'); END;
COMMIT;
