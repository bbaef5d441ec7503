# Who may do what. That nobody else may is read from the whole plan, by `npm run test:terraform`.

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
  alerts = { to = "slack-webhook", secret_version = 2, silencers = ["group:oncall@example.com", "user:anna@example.com"] }
}

# Accounts that can be told apart.
override_resource {
  target = google_service_account.push
  values = { email = "push@x.iam.gserviceaccount.com", member = "serviceAccount:push@x.iam.gserviceaccount.com" }
}
override_resource {
  target = google_service_account.build
  values = { member = "serviceAccount:build@x.iam.gserviceaccount.com", id = "projects/x/serviceAccounts/build@x.iam.gserviceaccount.com" }
}
override_resource {
  target = module.ingest.google_service_account.this
  values = { email = "ingest@x.iam.gserviceaccount.com", member = "serviceAccount:ingest@x.iam.gserviceaccount.com" }
}
override_resource {
  target = module.snapshot.google_service_account.this
  values = { email = "snapshot@x.iam.gserviceaccount.com", unique_id = "111222333444555666777", member = "serviceAccount:snapshot@x.iam.gserviceaccount.com" }
}
override_resource {
  target = module.rejudge[0].google_service_account.this
  values = { email = "rejudge@x.iam.gserviceaccount.com", member = "serviceAccount:rejudge@x.iam.gserviceaccount.com" }
}
override_resource {
  target = module.alert[0].google_service_account.this
  values = { email = "alert@x.iam.gserviceaccount.com", member = "serviceAccount:alert@x.iam.gserviceaccount.com" }
}
override_resource {
  target = google_service_account.scheduler[0]
  values = { email = "scheduler@x.iam.gserviceaccount.com", member = "serviceAccount:scheduler@x.iam.gserviceaccount.com" }
}
override_resource {
  target = google_service_account.queries[0]
  values = { email = "queries@x.iam.gserviceaccount.com", member = "serviceAccount:queries@x.iam.gserviceaccount.com" }
}
override_resource {
  target = google_logging_project_sink.entries["shop-prod"]
  values = { writer_identity = "serviceAccount:entries-shop-prod@gcp-sa-logging.iam.gserviceaccount.com" }
}
override_resource {
  target = google_logging_project_sink.entries["shop-staging"]
  values = { writer_identity = "serviceAccount:entries-shop-staging@gcp-sa-logging.iam.gserviceaccount.com" }
}
override_resource {
  target = google_logging_project_sink.policy_changes["shop-prod"]
  values = { writer_identity = "serviceAccount:policy_changes-shop-prod@gcp-sa-logging.iam.gserviceaccount.com" }
}
override_resource {
  target = google_logging_project_sink.policy_changes["shop-staging"]
  values = { writer_identity = "serviceAccount:policy_changes-shop-staging@gcp-sa-logging.iam.gserviceaccount.com" }
}
override_resource {
  target = google_project_iam_custom_role.row_writer
  values = { name = "projects/shop-prod/roles/policy_audit_row_writer" }
}
override_resource {
  target = google_project_iam_custom_role.cluster_reader["shop-prod"]
  values = { name = "projects/shop-prod/roles/shop_prod_policy_audit_collector" }
}
override_resource {
  target = google_project_iam_custom_role.cluster_reader["shop-staging"]
  values = { name = "projects/shop-staging/roles/shop_prod_policy_audit_collector" }
}
override_resource {
  target = google_bigquery_connection.rejudge[0]
  values = { cloud_resource = { service_account_id = "connection@gcp-sa-bigquery-condel.iam.gserviceaccount.com" } }
}

run "accounts" {
  command = apply

  assert {
    condition     = { for table, grant in google_bigquery_table_iam_member.ingest : table => "${grant.role} ${grant.member}" } == { for table in ["verdicts_v1", "rejects_v1"] : table => "projects/shop-prod/roles/policy_audit_row_writer serviceAccount:ingest@x.iam.gserviceaccount.com" }
    error_message = "Ingest writes verdicts and rejects, and no other table."
  }
  assert {
    condition     = { for table, grant in google_bigquery_table_iam_member.snapshot : table => "${grant.role} ${grant.member}" } == { for table in ["snapshots_v1", "policy_findings_v1"] : table => "projects/shop-prod/roles/policy_audit_row_writer serviceAccount:snapshot@x.iam.gserviceaccount.com" }
    error_message = "The collector writes its two tables, and no other."
  }
  assert {
    condition     = google_storage_bucket_iam_member.ingest.role == "roles/storage.objectViewer" && google_storage_bucket_iam_member.ingest.member == "serviceAccount:ingest@x.iam.gserviceaccount.com"
    error_message = "Ingest reads snapshots, and changes none."
  }
  assert {
    condition     = google_storage_bucket_iam_member.rejudge[0].role == "roles/storage.objectViewer" && google_storage_bucket_iam_member.rejudge[0].member == "serviceAccount:rejudge@x.iam.gserviceaccount.com"
    error_message = "The remote function reads snapshots, and changes none."
  }
  assert {
    condition     = google_storage_bucket_iam_member.snapshot.role == "roles/storage.objectUser" && google_storage_bucket_iam_member.snapshot.member == "serviceAccount:snapshot@x.iam.gserviceaccount.com"
    error_message = "The collector keeps snapshots."
  }
  assert {
    condition     = toset(google_project_iam_custom_role.cluster_reader["shop-prod"].permissions) == toset(["container.clusters.get", "container.clusters.connect"])
    error_message = "By IAM the collector reaches clusters, and lists nothing in them."
  }
  assert {
    condition = { for project, grant in google_project_iam_member.snapshot_clusters : project => "${grant.role} ${grant.member}" } == {
      for project in ["shop-prod", "shop-staging"] : project => "projects/${project}/roles/shop_prod_policy_audit_collector serviceAccount:snapshot@x.iam.gserviceaccount.com"
    }
    error_message = "The collector reaches the clusters of each project, by a role there that does no more."
  }
  assert {
    condition     = alltrue([for role in google_project_iam_custom_role.cluster_reader : role.role_id == "shop_prod_policy_audit_collector"])
    error_message = "Another deployment's role in the project of a cluster has another name."
  }
  assert {
    condition     = toset(google_project_iam_custom_role.row_writer.permissions) == toset(["bigquery.tables.get", "bigquery.tables.updateData"])
    error_message = "Who appends rows can delete no table."
  }
  assert {
    condition     = { for name, function in { ingest = module.ingest, snapshot = module.snapshot, rejudge = module.rejudge[0], alert = module.alert[0] } : name => function.runs_as } == { for name in ["ingest", "snapshot", "rejudge", "alert"] : name => "${name}@x.iam.gserviceaccount.com" }
    error_message = "Each function runs as its own account."
  }
}

run "build" {
  command = apply

  assert {
    condition     = [google_project_iam_member.build_logs.role, google_project_iam_member.build_images.role, google_project_iam_member.build_sources.role, google_storage_bucket_iam_member.build_code.role] == ["roles/logging.logWriter", "roles/artifactregistry.writer", "roles/storage.objectViewer", "roles/storage.objectViewer"]
    error_message = "The build writes its log and its image, and reads code."
  }
  assert {
    condition     = alltrue([for grant in [google_project_iam_member.build_logs, google_project_iam_member.build_images, google_project_iam_member.build_sources, google_storage_bucket_iam_member.build_code] : grant.member == "serviceAccount:build@x.iam.gserviceaccount.com"])
    error_message = "Only the build may."
  }
  assert {
    condition     = google_project_iam_member.build_sources.condition[0].expression == "resource.name.startsWith(\"projects/_/buckets/gcf-v2-sources-\")" && google_storage_bucket_iam_member.build_code.bucket == "shop-prod-policy-audit-code"
    error_message = "It reads no other bucket."
  }
  assert {
    condition     = alltrue([for function in [module.ingest, module.snapshot, module.rejudge[0], module.alert[0]] : function.build.service_account == "projects/x/serviceAccounts/build@x.iam.gserviceaccount.com"])
    error_message = "Functions are built as that account."
  }
  assert {
    condition     = time_sleep.build.create_duration == "90s"
    error_message = "A build waits for its grants to hold."
  }
}

run "dead_letters" {
  command = apply

  assert {
    condition     = google_pubsub_topic_iam_member.dead_letters_agent.role == "roles/pubsub.publisher" && google_pubsub_topic_iam_member.dead_letters_agent.member == "serviceAccount:service-123456789012@gcp-sa-pubsub.iam.gserviceaccount.com"
    error_message = "Pub/Sub's agent publishes dead letters."
  }
  assert {
    condition     = google_pubsub_subscription_iam_member.entries_agent.role == "roles/pubsub.subscriber" && google_pubsub_subscription_iam_member.entries_agent.member == "serviceAccount:service-123456789012@gcp-sa-pubsub.iam.gserviceaccount.com"
    error_message = "Pub/Sub's agent takes them from the subscription."
  }
  assert {
    condition     = google_bigquery_table_iam_member.dead_letters_agent.role == "roles/bigquery.dataEditor" && google_bigquery_table_iam_member.dead_letters_agent.member == "serviceAccount:service-123456789012@gcp-sa-pubsub.iam.gserviceaccount.com"
    error_message = "Pub/Sub's agent writes them to their table."
  }
}

run "callers" {
  command = apply

  assert {
    condition     = alltrue([for subscription in [google_pubsub_subscription.entries, google_pubsub_subscription.snapshot_requests] : subscription.push_config[0].oidc_token[0].service_account_email == "push@x.iam.gserviceaccount.com"])
    error_message = "Pub/Sub pushes as the account that may call."
  }

  assert {
    condition     = module.ingest.invokers == { push = "serviceAccount:push@x.iam.gserviceaccount.com" } && module.snapshot.invokers == { push = "serviceAccount:push@x.iam.gserviceaccount.com" }
    error_message = "Only Pub/Sub calls ingest and the collector."
  }
  assert {
    condition     = module.rejudge[0].invokers == { bigquery = "serviceAccount:connection@gcp-sa-bigquery-condel.iam.gserviceaccount.com" }
    error_message = "Only BigQuery's connection calls the remote function."
  }
}

run "sinks" {
  command = apply

  assert {
    condition = { for project, grant in google_pubsub_topic_iam_member.entries_sink : project => "${grant.topic} ${grant.role} ${grant.member}" } == {
      for project in ["shop-prod", "shop-staging"] : project => "policy-audit-entries roles/pubsub.publisher serviceAccount:entries-${project}@gcp-sa-logging.iam.gserviceaccount.com"
    }
    error_message = "The sinks of entries publish to their topic."
  }
  assert {
    condition = { for project, grant in google_pubsub_topic_iam_member.policy_changes_sink : project => "${grant.topic} ${grant.role} ${grant.member}" } == {
      for project in ["shop-prod", "shop-staging"] : project => "policy-audit-snapshot-requests roles/pubsub.publisher serviceAccount:policy_changes-${project}@gcp-sa-logging.iam.gserviceaccount.com"
    }
    error_message = "The sinks of policy changes publish to the topic of requests."
  }
}

run "queries" {
  command = apply

  assert {
    condition     = google_bigquery_table_iam_member.queries[0].table_id == "verdicts_v1" && google_bigquery_table_iam_member.queries[0].role == "projects/shop-prod/roles/policy_audit_row_writer"
    error_message = "Scheduled queries append to verdicts_v1, and to no other table."
  }
  assert {
    condition     = google_bigquery_dataset_iam_member.queries[0].role == "roles/bigquery.dataViewer" && google_project_iam_member.queries[0].role == "roles/bigquery.jobUser" && google_bigquery_connection_iam_member.queries[0].role == "roles/bigquery.connectionUser"
    error_message = "Scheduled queries read the dataset, run jobs and use the connection."
  }
  assert {
    condition     = alltrue([for query in google_bigquery_data_transfer_config.rejudge : query.service_account_name == "queries@x.iam.gserviceaccount.com"])
    error_message = "Scheduled queries run as their own account."
  }
}

run "alerts" {
  command = apply

  assert {
    condition     = google_project_iam_member.alert[0].role == "roles/bigquery.jobUser" && google_bigquery_dataset_iam_member.alert[0].role == "roles/bigquery.dataViewer" && google_bigquery_dataset_iam_member.alert[0].dataset_id == "policy_audit"
    error_message = "The alert function runs queries, and reads the dataset."
  }
  assert {
    condition     = google_bigquery_table_iam_member.alert[0].table_id == "alerts_v1" && google_bigquery_table_iam_member.alert[0].role == "projects/shop-prod/roles/policy_audit_row_writer"
    error_message = "It changes rows of alerts_v1, and of no other table."
  }
  assert {
    condition     = alltrue([for grant in [google_project_iam_member.alert[0], google_bigquery_dataset_iam_member.alert[0], google_bigquery_table_iam_member.alert[0]] : grant.member == "serviceAccount:alert@x.iam.gserviceaccount.com"])
    error_message = "It alone may, of functions that people do not call."
  }
  assert {
    condition     = module.alert[0].readable_secrets == { SLACK_WEBHOOK = "shop-prod policy-audit-alerts roles/secretmanager.secretAccessor serviceAccount:alert@x.iam.gserviceaccount.com" } && alltrue([for function in [module.ingest, module.snapshot, module.rejudge[0]] : length(function.readable_secrets) == 0])
    error_message = "It reads its secret, and no function another."
  }
  assert {
    condition     = module.alert[0].invokers == { scheduler = "serviceAccount:scheduler@x.iam.gserviceaccount.com" } && google_cloud_scheduler_job.alert[0].http_target[0].oidc_token[0].service_account_email == "scheduler@x.iam.gserviceaccount.com"
    error_message = "Cloud Scheduler calls as the only account that may."
  }
  assert {
    condition = { for member, grant in google_bigquery_table_iam_member.silencers_write : member => "${grant.table_id} ${grant.role} ${grant.member}" } == {
      for member in ["group:oncall@example.com", "user:anna@example.com"] : member => "silences_v1 projects/shop-prod/roles/policy_audit_row_writer ${member}"
    }
    error_message = "Who may silence writes silences, and nothing else."
  }
  assert {
    condition = { for member, grant in google_bigquery_table_iam_member.silencers_read : member => "${grant.table_id} ${grant.role} ${grant.member}" } == {
      for member in ["group:oncall@example.com", "user:anna@example.com"] : member => "silences_v1 roles/bigquery.dataViewer ${member}"
    }
    error_message = "Who may silence reads silences, and nothing else."
  }
  assert {
    condition = { for member, grant in google_project_iam_member.silencers : member => "${grant.role} ${grant.member}" } == {
      for member in ["group:oncall@example.com", "user:anna@example.com"] : member => "roles/bigquery.jobUser ${member}"
    }
    error_message = "Who may silence runs statements."
  }
}

run "rbac" {
  command = apply

  assert {
    condition     = strcontains(output.rbac_manifests, "name: snapshot@x.iam.gserviceaccount.com") && strcontains(output.rbac_manifests, "name: \"111222333444555666777\"") && !strcontains(output.rbac_manifests, "secrets") && !strcontains(output.rbac_manifests, "*")
    error_message = "The manifests are for the collector, and for named resources only."
  }
}
