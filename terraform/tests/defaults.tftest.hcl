# What a project gets without saying more than which clusters.

mock_provider "google" {
  source = "./tests/mocks"
}
mock_provider "archive" {
  source = "./tests/mocks"
}
mock_provider "time" {
  source = "./tests/mocks"
}

variables {
  project_id = "shop-prod"
  region     = "europe-west1"
  clusters = [
    "projects/shop-prod/locations/europe-west1/clusters/prod",
    "projects/shop-staging/locations/europe-west1/clusters/staging",
  ]
}

run "warehouse" {
  command = plan

  assert {
    condition     = toset(keys(google_bigquery_table.table)) == toset([for file in fileset("../schemas/tables", "*.json") : trimsuffix(file, ".json")])
    error_message = "Every file of schemas/tables is a table, and nothing else."
  }
  assert {
    condition     = alltrue([for name, table in google_bigquery_table.table : jsondecode(table.schema) == jsondecode(file("../schemas/tables/${name}.json"))])
    error_message = "A table's schema is its file."
  }
  assert {
    condition = toset(concat(keys(google_bigquery_table.view), keys(google_bigquery_table.derived_view))) == toset([
      for file in fileset("../schemas/views", "*.sql") : trimsuffix(file, ".sql")
    ])
    error_message = "Every file of schemas/views is a view, once."
  }
  assert {
    condition     = contains(keys(google_bigquery_table.view), "verdicts") && contains(keys(google_bigquery_table.derived_view), "findings")
    error_message = "verdicts comes before findings, which reads it."
  }
  assert {
    condition     = strcontains(google_bigquery_table.derived_view["findings"].view[0].query, "`shop-prod.policy_audit.verdicts`")
    error_message = "A view names what it reads by project and dataset."
  }
  assert {
    condition     = google_bigquery_table.table["verdicts_v1"].require_partition_filter && google_bigquery_table.table["verdicts_v1"].time_partitioning[0].field == "timestamp"
    error_message = "Nobody reads all of verdicts_v1 by mistake."
  }
  assert {
    condition = { for name, table in google_bigquery_table.table : name => table.time_partitioning[0].expiration_ms / (24 * 60 * 60 * 1000) if !contains(["alerts_v1", "silences_v1"], name) } == {
      verdicts_v1        = 180
      rejects_v1         = 60
      dead_letters_v1    = 60
      snapshots_v1       = 200
      policy_findings_v1 = 200
    }
    error_message = "Rows are kept for so many days."
  }
  assert {
    condition = jsonencode({ for name, table in google_bigquery_table.table : name => [try(table.time_partitioning[0].field, null), table.require_partition_filter, table.clustering] }) == jsonencode({
      for name, given in jsondecode(file("../schemas/partitions.json")) : name => [given.column, given.filter_required, given.clustering]
    })
    error_message = "Tables are partitioned and clustered as schemas/partitions.json says."
  }
  assert {
    condition     = alltrue([for view in concat(values(google_bigquery_table.view), values(google_bigquery_table.derived_view)) : !view.view[0].use_legacy_sql])
    error_message = "Views are of GoogleSQL."
  }
  assert {
    condition     = alltrue([for table in google_bigquery_table.table : table.deletion_protection]) && !google_bigquery_dataset.audit.delete_contents_on_destroy && !google_storage_bucket.snapshots.force_destroy
    error_message = "Data are protected from being destroyed."
  }
}

run "messages" {
  command = plan

  assert {
    condition     = google_pubsub_subscription.entries.ack_deadline_seconds == 60 && module.ingest.environment["PATIENCE_SECONDS"] == "50"
    error_message = "The function answers before the push times out."
  }
  assert {
    condition     = google_pubsub_subscription.snapshot_requests.ack_deadline_seconds == 600
    error_message = "A large cluster may take minutes to be read."
  }
  assert {
    condition     = google_pubsub_subscription.entries.message_retention_duration == "604800s" && google_pubsub_subscription.dead_letters.message_retention_duration == "604800s" && google_pubsub_subscription.snapshot_requests.message_retention_duration == "3600s"
    error_message = "Entries wait for a week, requests for an hour."
  }
  assert {
    condition     = google_pubsub_subscription.snapshot_requests.retry_policy[0].minimum_backoff == "10s" && google_pubsub_subscription.snapshot_requests.retry_policy[0].maximum_backoff == "600s"
    error_message = "Requests are pushed again from 10 s to 10 min later."
  }
  assert {
    condition     = google_pubsub_subscription.entries.retry_policy[0].minimum_backoff == "10s" && google_pubsub_subscription.entries.retry_policy[0].maximum_backoff == "600s"
    error_message = "Redelivery waits from 10 s to 10 min."
  }
  assert {
    condition     = google_pubsub_subscription.entries.dead_letter_policy[0].max_delivery_attempts == 100
    error_message = "An entry is given up after 100 attempts."
  }
  assert {
    condition     = alltrue([for subscription in [google_pubsub_subscription.entries, google_pubsub_subscription.snapshot_requests, google_pubsub_subscription.dead_letters] : subscription.expiration_policy[0].ttl == ""])
    error_message = "No subscription expires in a quiet month."
  }
  assert {
    condition     = google_pubsub_subscription.dead_letters.bigquery_config[0].table == "shop-prod.policy_audit.dead_letters_v1" && google_pubsub_subscription.dead_letters.bigquery_config[0].write_metadata
    error_message = "Dead letters are written to their table, with Pub/Sub's own columns."
  }
  assert {
    condition     = { for project, sink in google_logging_project_sink.entries : project => sink.filter } == { shop-prod = "log_id(\"policy-action\")", shop-staging = "log_id(\"policy-action\")" }
    error_message = "Of every project with a cluster a sink passes on all policy-action entries."
  }
  assert {
    condition = { for project, sink in google_logging_project_sink.policy_changes : project => trimspace(sink.filter) } == {
      for project in ["shop-prod", "shop-staging"] : project => join("\n", [
        "log_id(\"cloudaudit.googleapis.com/activity\")",
        "resource.type=\"k8s_cluster\"",
        "protoPayload.methodName=~\"\\.(networkpolicies|namespaces|networkloggings|fqdnnetworkpolicies|ciliumnetworkpolicies|ciliumclusterwidenetworkpolicies|clusternetworkpolicies|adminnetworkpolicies|baselineadminnetworkpolicies|globalnetworkpolicies|networksets|globalnetworksets|tiers)\\.(create|update|patch|delete|deletecollection)$\"",
      ])
    }
    error_message = "Changes of policies in every project with a cluster ask for snapshots."
  }
  assert {
    condition     = alltrue([for sink in concat(values(google_logging_project_sink.entries), values(google_logging_project_sink.policy_changes)) : sink.unique_writer_identity && startswith(sink.name, "shop-prod-policy-audit-")])
    error_message = "A sink has an identity of its own, and a name that another deployment's has not."
  }
  assert {
    condition = toset([for job in google_cloud_scheduler_job.collect : jsondecode(base64decode(job.pubsub_target[0].data))]) == toset([
      for cluster in var.clusters : { cluster = cluster, reason = "schedule" }
    ])
    error_message = "Each cluster is asked for by a job of its own."
  }
  assert {
    condition     = alltrue([for job in google_cloud_scheduler_job.collect : job.schedule == "*/5 * * * *" && job.time_zone == "Etc/UTC"])
    error_message = "Clusters are collected every 5 minutes."
  }
}

run "functions" {
  command = plan

  assert {
    condition     = module.ingest.ingress == "ALLOW_INTERNAL_ONLY" && module.snapshot.ingress == "ALLOW_INTERNAL_ONLY" && module.rejudge[0].ingress == "ALLOW_ALL"
    error_message = "Only BigQuery comes from outside."
  }
  assert {
    condition     = [module.ingest.concurrency, module.snapshot.concurrency, module.rejudge[0].concurrency] == [500, 4, 4] && alltrue([for cpu in [module.ingest.cpu, module.snapshot.cpu, module.rejudge[0].cpu] : tonumber(cpu) >= 1])
    error_message = "Requests at once take a whole CPU."
  }
  assert {
    condition     = [module.ingest.memory, module.snapshot.memory, module.rejudge[0].memory] == ["1Gi", "2Gi", "2Gi"]
    error_message = "So much memory was measured to be enough."
  }
  assert {
    condition     = [module.ingest.instances, module.snapshot.instances, module.rejudge[0].instances] == [[0, 10], [0, 5], [0, 10]]
    error_message = "Instances are bounded as var.scale says."
  }
  assert {
    condition     = alltrue([for build in [module.ingest.build, module.snapshot.build, module.rejudge[0].build] : build.runtime == "nodejs24" && build.environment_variables == tomap({ GOOGLE_NODE_RUN_SCRIPTS = "" })])
    error_message = "The build runs no script of the artefact."
  }
  assert {
    condition     = [module.ingest.build.entry_point, module.snapshot.build.entry_point, module.rejudge[0].build.entry_point] == ["ingest", "snapshot", "rejudge"]
    error_message = "Each function is its own."
  }
  assert {
    condition     = module.ingest.build.source[0].storage_source[0].object == "policy-audit-ingest-0123456789abcdef0123456789abcdef.zip"
    error_message = "Code is named by its content."
  }
  assert {
    condition     = alltrue([for api in ["cloudbuild", "cloudfunctions", "cloudresourcemanager", "cloudscheduler", "run", "artifactregistry", "bigquery", "bigqueryconnection", "bigquerydatatransfer", "container", "iam", "logging", "monitoring", "pubsub", "storage"] : contains(keys(google_project_service.api), "${api}.googleapis.com")]) && length(google_project_service.api) == 15
    error_message = "The APIs that are needed are enabled, and no others."
  }
  assert {
    condition     = length(module.alert) + length(google_cloud_scheduler_job.alert) == 0
    error_message = "Nobody is told, and no function looks, unless it is said where."
  }
  assert {
    condition     = module.ingest.environment["DATASET"] == "shop-prod.policy_audit" && module.ingest.environment["SNAPSHOTS"] == "gs://shop-prod-policy-audit-snapshots"
    error_message = "The functions know the dataset and the bucket."
  }
  assert {
    condition     = !contains(keys(module.ingest.environment), "CANDIDATES")
    error_message = "All that Google leaves open, unless it is named."
  }
}

run "alerts" {
  command = plan

  variables {
    alerts = { to = "log" }
  }

  assert {
    condition     = module.alert[0].ingress == "ALLOW_INTERNAL_ONLY" && module.alert[0].memory == "512Mi" && tonumber(module.alert[0].cpu) >= 1
    error_message = "Nobody calls from outside; so much memory and a whole CPU are enough."
  }
  assert {
    condition     = module.alert[0].instances == [0, 1] && module.alert[0].concurrency == 1
    error_message = "One run comes after the other."
  }
  assert {
    condition     = module.alert[0].build.entry_point == "alert" && module.alert[0].build.runtime == "nodejs24" && module.alert[0].build.environment_variables == tomap({ GOOGLE_NODE_RUN_SCRIPTS = "" }) && startswith(module.alert[0].build.source[0].storage_source[0].object, "policy-audit-alert-")
    error_message = "It is a function of its own, built as the others."
  }
  assert {
    condition     = google_cloud_scheduler_job.alert[0].schedule == "* * * * *" && google_cloud_scheduler_job.alert[0].time_zone == "Etc/UTC"
    error_message = "It is called each minute."
  }
  assert {
    condition     = google_cloud_scheduler_job.alert[0].attempt_deadline == "${module.alert[0].timeout_seconds}s" && length(google_cloud_scheduler_job.alert[0].retry_config) == 0
    error_message = "Cloud Scheduler waits as long as a run may take, and leaves one that failed to the next minute."
  }
  assert {
    condition     = google_cloud_scheduler_job.alert[0].http_target[0].http_method == "POST" && base64decode(google_cloud_scheduler_job.alert[0].http_target[0].body) == "{}" && google_cloud_scheduler_job.alert[0].http_target[0].headers == tomap({ "Content-Type" = "application/json" })
    error_message = "A run is a POST of JSON."
  }
}

run "snapshots" {
  command = plan

  assert {
    condition     = alltrue([for bucket in [google_storage_bucket.snapshots, google_storage_bucket.code] : bucket.uniform_bucket_level_access && bucket.public_access_prevention == "enforced"])
    error_message = "Snapshots and code are nobody else's."
  }
  assert {
    condition     = one(google_storage_bucket.snapshots.lifecycle_rule[0].condition).age == 200
    error_message = "Snapshots outlive the verdicts that rest on them."
  }
}
