# The functions that Pub/Sub pushes to, and what each of them may do.

locals {
  artefacts = "${path.module}/../build/functions"

  # In the order of functions/policy/semantics.ts, in which rows name them.
  cilium = [
    "cilium-1.12",
    "cilium-1.13",
    "cilium-1.14",
    "cilium-1.15",
    "cilium-1.16",
    "cilium-1.20",
    "cilium-1.13+no-remote-node-identity",
    "cilium-1.15+cidr-match-nodes",
    "cilium-1.20+cidr-match-nodes-pods",
  ]
  # Named where they are not those that are taken without being named.
  default_candidates = [for id in local.cilium : id if !endswith(id, "-pods")]
  named_candidates   = [for id in local.cilium : id if contains(var.entries.candidates, id)]
  candidates         = local.named_candidates == local.default_candidates ? [] : local.named_candidates
  snapshots          = "gs://${google_storage_bucket.snapshots.name}"

  environment = merge(
    { DATASET = local.dataset, SNAPSHOTS = local.snapshots },
    length(local.candidates) == 0 ? {} : { CANDIDATES = join(",", local.candidates) },
  )
}

# Builds the images. Google's pages for a build account of one's own name these roles, some of them with objectAdmin for objectViewer, which a
# build that only reads does without (cloud.google.com/functions/docs/securing/build-custom-sa); roles/cloudbuild.builds.builder has many more.
resource "google_service_account" "build" {
  project      = var.project_id
  account_id   = "${var.name}-build"
  display_name = "${var.name}: builds the functions"
  depends_on   = [google_project_service.api]
}

resource "google_project_iam_member" "build_logs" {
  project = var.project_id
  role    = "roles/logging.logWriter"
  member  = google_service_account.build.member
}

# Of the project, because the repository gcf-artifacts is made by Google at the first deployment: before, nothing can be granted on it.
resource "google_project_iam_member" "build_images" {
  project = var.project_id
  role    = "roles/artifactregistry.writer"
  member  = google_service_account.build.member
}

# A build reads the code from a copy, in a bucket gcf-v2-sources-NUMBER-REGION (with a key of your own, its hash follows) that Google makes at
# the first deployment too.
resource "google_project_iam_member" "build_sources" {
  project = var.project_id
  role    = "roles/storage.objectViewer"
  member  = google_service_account.build.member

  condition {
    title      = "buckets gcf-v2-sources-*"
    expression = "resource.name.startsWith(\"projects/_/buckets/gcf-v2-sources-\")"
  }
}

resource "google_storage_bucket_iam_member" "build_code" {
  bucket = google_storage_bucket.code.name
  role   = "roles/storage.objectViewer"
  member = google_service_account.build.member
}

# A grant holds everywhere only after a minute or so, and a build that comes before fails. Functions take their build account from here.
resource "time_sleep" "build" {
  create_duration = "90s"
  triggers        = { account = google_service_account.build.id }

  depends_on = [
    google_project_iam_member.build_images,
    google_project_iam_member.build_logs,
    google_project_iam_member.build_sources,
    google_storage_bucket_iam_member.build_code,
  ]
}

# Appends rows. Unlike roles/bigquery.dataEditor it neither reads nor deletes a table; and a statement that deletes rows needs to read them, so
# that only the account of the scheduled queries, which does, could run one.
resource "google_project_iam_custom_role" "row_writer" {
  project     = var.project_id
  role_id     = "${replace(var.name, "-", "_")}_row_writer"
  title       = "${var.name}: appends rows"
  description = "Appends rows to the tables that it is granted on."
  permissions = ["bigquery.tables.get", "bigquery.tables.updateData"]
  depends_on  = [google_project_service.api]
}

module "ingest" {
  source      = "./modules/function"
  project_id  = local.project_id
  region      = var.region
  name        = "${var.name}-ingest"
  description = "judges policy-action entries and writes their rows"
  labels      = local.labels

  entry_point   = "ingest"
  artefact      = "${local.artefacts}/ingest"
  code_bucket   = google_storage_bucket.code.name
  build_account = time_sleep.build.triggers["account"]

  # A message waits for its row's group, which takes up to 500 rows (GROUP_ROWS) in one insert of a fraction of a second.
  memory          = "1Gi"
  concurrency     = 500
  instances       = { min = var.scale.ingest_min, max = var.scale.ingest_max }
  timeout_seconds = 60

  environment = merge(local.environment, {
    SNAPSHOT_TOPIC   = google_pubsub_topic.snapshot_requests.id
    KEEP_CONFIRMED   = var.entries.keep_confirmed
    PATIENCE_SECONDS = "50"
  })
  invokers = { push = google_service_account.push.member }
}

resource "google_bigquery_table_iam_member" "ingest" {
  for_each   = toset(["verdicts_v1", "rejects_v1"])
  project    = var.project_id
  dataset_id = google_bigquery_dataset.audit.dataset_id
  table_id   = google_bigquery_table.table[each.key].table_id
  role       = google_project_iam_custom_role.row_writer.name
  member     = module.ingest.member
}

resource "google_storage_bucket_iam_member" "ingest" {
  bucket = google_storage_bucket.snapshots.name
  role   = "roles/storage.objectViewer"
  member = module.ingest.member
}

resource "google_pubsub_topic_iam_member" "ingest" {
  project = var.project_id
  topic   = google_pubsub_topic.snapshot_requests.name
  role    = "roles/pubsub.publisher"
  member  = module.ingest.member
}

module "snapshot" {
  source      = "./modules/function"
  project_id  = local.project_id
  region      = var.region
  name        = "${var.name}-snapshot"
  description = "collects the policy state of clusters"
  labels      = local.labels

  entry_point   = "snapshot"
  artefact      = "${local.artefacts}/snapshot"
  code_bucket   = google_storage_bucket.code.name
  build_account = time_sleep.build.triggers["account"]

  # A cluster of 10,000 Pods takes 340 MB, and one instance may read two at once.
  memory          = "2Gi"
  concurrency     = 4
  instances       = { min = 0, max = var.scale.snapshot_max }
  timeout_seconds = 600

  environment = local.environment
  invokers    = { push = google_service_account.push.member }
}

resource "google_bigquery_table_iam_member" "snapshot" {
  for_each   = toset(["snapshots_v1", "policy_findings_v1"])
  project    = var.project_id
  dataset_id = google_bigquery_dataset.audit.dataset_id
  table_id   = google_bigquery_table.table[each.key].table_id
  role       = google_project_iam_custom_role.row_writer.name
  member     = module.snapshot.member
}

# It replaces latest.json, which takes the right to delete.
resource "google_storage_bucket_iam_member" "snapshot" {
  bucket = google_storage_bucket.snapshots.name
  role   = "roles/storage.objectUser"
  member = module.snapshot.member
}
