output "dataset" {
  description = "The dataset, as queries name it: PROJECT.DATASET."
  value       = local.dataset
}

output "rbac_manifests" {
  description = "What lets the collector list in the clusters: `terraform output -raw rbac_manifests | kubectl apply -f -`, in each of them."
  value       = templatefile("${path.module}/rbac.yaml.tftpl", { name = local.collector, user = module.snapshot.email, id = module.snapshot.unique_id })
}

output "snapshots" {
  description = "The bucket with the snapshots, as gs://BUCKET."
  value       = local.snapshots
}

output "topics" {
  description = "The topics of entries, of requests for snapshots and of dead letters: what `policy-audit redrive` and tests publish to."
  value = {
    entries           = google_pubsub_topic.entries.id
    snapshot_requests = google_pubsub_topic.snapshot_requests.id
    dead_letters      = google_pubsub_topic.dead_letters.id
  }
}

output "service_accounts" {
  description = "The service accounts, by what each is for."
  value = {
    build     = google_service_account.build.email
    push      = google_service_account.push.email
    ingest    = module.ingest.email
    snapshot  = module.snapshot.email
    rejudge   = one(module.rejudge[*].email)
    queries   = one(google_service_account.queries[*].email)
    alert     = one(module.alert[*].email)
    scheduler = one(google_service_account.scheduler[*].email)
  }
}

output "alert_secret" {
  description = "Where the webhook or the token goes: `gcloud secrets versions add SECRET --data-file=-`. Null where alerts need none."
  value       = one(google_secret_manager_secret.alerts[*].id)
}
