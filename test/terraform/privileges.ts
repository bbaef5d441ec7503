/** Who may do what, read from the plan of `examples/complete`, and the table that docs/deploy.md has of it. */

interface Expression {
	readonly constant_value?: unknown;
	readonly references?: readonly string[];
}

interface PlannedResource {
	readonly address: string;
	readonly type: string;
	readonly expressions: Readonly<Record<string, Expression>> & { readonly condition?: readonly [{ readonly title: Expression }] };
	readonly for_each_expression?: Expression;
}

interface Module {
	readonly resources?: readonly PlannedResource[];
	readonly module_calls?: Readonly<Record<string, { readonly expressions: Readonly<Record<string, Expression>>; readonly module: Module }>>;
}

export interface Plan {
	readonly configuration: { readonly root_module: Module };
	readonly resource_changes: readonly {
		readonly address: string;
		readonly type: string;
		readonly name: string;
		readonly change: { readonly after: Readonly<Record<string, unknown>> | null };
	}[];
}

export interface Privilege {
	readonly who: string;
	readonly role: string;
	readonly on: string;
}

const ROW_WRITER = 'row_writer (bigquery.tables.get, bigquery.tables.updateData)';

/** Why each is granted, by `who role on`. A grant that is not here fails, and so does one here that the plan has not. */
export const PRIVILEGES: Readonly<Record<string, string>> = {
	'build roles/logging.logWriter project': 'writes the log of a build',
	'build roles/artifactregistry.writer project':
		'stores the images of the functions, in a repository that Google makes at the first deployment',
	'build roles/storage.objectViewer project, buckets gcf-v2-sources-* alone': 'reads the copy of the code that Google makes for a build',
	'build roles/storage.objectViewer bucket code': 'reads the code of the functions',
	[`ingest ${ROW_WRITER} table verdicts_v1`]: 'appends verdicts',
	[`ingest ${ROW_WRITER} table rejects_v1`]: 'appends rejects',
	'ingest roles/storage.objectViewer bucket snapshots': 'reads snapshots',
	'ingest roles/pubsub.publisher topic snapshot_requests': 'asks for a snapshot',
	[`snapshot ${ROW_WRITER} table snapshots_v1`]: 'appends a row a collection',
	[`snapshot ${ROW_WRITER} table policy_findings_v1`]: 'appends what the linter finds',
	'snapshot roles/storage.objectUser bucket snapshots': 'keeps snapshots, and replaces `latest.json`, which takes the right to delete',
	'snapshot cluster_reader (container.clusters.connect, container.clusters.get) project of each cluster':
		'reads the description of a cluster and reaches its control plane; RBAC says what it may list there',
	'rejudge roles/storage.objectViewer bucket snapshots': 'reads snapshots',
	'queries roles/bigquery.jobUser project': 'runs the scheduled queries',
	'queries roles/bigquery.dataViewer dataset': 'reads the views, calls the routines',
	[`queries ${ROW_WRITER} table verdicts_v1`]: 'appends what was judged again',
	'queries roles/bigquery.connectionUser connection rejudge': 'calls the remote function',
	'queries roles/bigquery.dataViewer datasets of rejudge.log_analytics and rejudge.exported': 'reads entries that were never streamed',
	'alert roles/bigquery.jobUser project': 'runs its queries',
	'alert roles/bigquery.dataViewer dataset': 'reads the views, silences, and what it said before',
	[`alert ${ROW_WRITER} table alerts_v1`]:
		'claims what it tells of, and notes that it was told; a statement that changes rows reads them by the role above',
	'alert roles/secretmanager.secretAccessor secret alerts': 'reads the webhook or the token that it posts by, where it needs one',
	'alerts.silencers roles/bigquery.jobUser project': 'run `policy-audit silence`',
	'alerts.silencers roles/bigquery.dataViewer table silences_v1': 'list silences',
	[`alerts.silencers ${ROW_WRITER} table silences_v1`]: 'make silences, and end them',
	'push roles/run.invoker function ingest': 'Pub/Sub pushes entries as this account',
	'push roles/run.invoker function snapshot': 'Pub/Sub pushes requests for snapshots as this account',
	'scheduler roles/run.invoker function alert': 'Cloud Scheduler starts runs as this account',
	'connection of BigQuery roles/run.invoker function rejudge': 'BigQuery calls the remote function',
	'sink entries roles/pubsub.publisher topic entries': 'Cloud Logging passes entries on, of each project with a cluster',
	'sink policy_changes roles/pubsub.publisher topic snapshot_requests':
		'Cloud Logging passes changes of policies on, of each project with a cluster',
	'agent of Pub/Sub roles/pubsub.publisher topic dead_letters': 'gives an entry up after 100 attempts',
	'agent of Pub/Sub roles/pubsub.subscriber subscription entries': 'takes the entry that it gives up',
	'agent of Pub/Sub roles/bigquery.dataEditor table dead_letters_v1': 'stores dead letters',
	'agents of Pub/Sub, Cloud Storage and BigQuery roles/cloudkms.cryptoKeyEncrypterDecrypter kms_key':
		'encrypt by your key, where there is one',
};

/** Every grant of the plan, in the order of `PRIVILEGES`. Throws where a grant has a form that it cannot name. */
export function readPrivileges(plan: Plan): Privilege[] {
	const [call] = Object.values(plan.configuration.root_module.module_calls ?? {});
	if (!call) throw new Error('the plan calls no module');
	const found = [
		...(call.module.resources ?? []).filter(isGrant).flatMap((resource) => privilegesOf(resource, plan)),
		...Object.entries(call.module.module_calls ?? {}).flatMap(([name, { expressions, module }]) =>
			(module.resources ?? [])
				.filter((resource) => isGrant(resource) && isPlanned(resource, { plan, module: name }))
				.map((resource) => ({ ...ofFunction(resource, { name, expressions }), role: roleOf(resource, plan) })),
		),
	];
	const order = Object.keys(PRIVILEGES);
	return found.sort((a, b) => order.indexOf(keyOf(a)) - order.indexOf(keyOf(b)));
}

export const keyOf = ({ who, role, on }: Privilege): string => `${who} ${role} ${on}`;

/** Whatever grants a role, also where it binds a policy as a whole or has a form of its own, such as `google_bigquery_dataset_access`. */
const isGrant = ({ type }: Pick<PlannedResource, 'type'>): boolean =>
	/_iam_(member|binding|policy)$|_access$|_acl$|access_control/.test(type);

/** Whether one is made in a module: each function has the grants of a secret, and makes those of the secrets that it is told. */
const isPlanned = ({ address }: PlannedResource, { plan, module }: { readonly plan: Plan; readonly module: string }): boolean =>
	plan.resource_changes.some((change) => new RegExp(`\\bmodule\\.${module}(\\[[^\\]]*\\])?\\.${address}\\b`).test(change.address));

/** Who is granted what by the module of a function. */
function ofFunction(
	{ address, type }: PlannedResource,
	{ name, expressions }: { readonly name: string; readonly expressions: PlannedResource['expressions'] },
): Pick<Privilege, 'who' | 'on'> {
	switch (type) {
		case 'google_cloud_run_v2_service_iam_member':
			return { who: whoOf(expressions['invokers']), on: `function ${name}` };
		case 'google_secret_manager_secret_iam_member':
			return { who: name, on: `secret ${nameIn(expressions['secrets'])}` };
		default:
			throw new Error(`${address} of the module ${name} grants a role on something that is not in the table: ${type}`);
	}
}

/** The name of the first resource that an expression refers to. */
const nameIn = (expression: Expression | undefined): string | undefined =>
	/google_\w+\.(\w+)/.exec((expression?.references ?? []).join(' '))?.[1];

function privilegesOf(resource: PlannedResource, plan: Plan): Privilege[] {
	const { expressions, for_each_expression } = resource;
	if (!resource.type.endsWith('_iam_member')) throw new Error(`${resource.address} grants otherwise than to one member`);
	const who = expressions['member']?.references?.[0]?.startsWith('each.value') ? whoOf(for_each_expression) : whoOf(expressions['member']);
	const role = roleOf(resource, plan);
	return placesOf(resource, plan).map((on) => ({ who, role, on }));
}

/** By its name, or of a role of our own the name of its resource, and its permissions. */
function roleOf({ address, expressions }: PlannedResource, { resource_changes }: Plan): string {
	const { constant_value, references = [] } = expressions['role'] ?? {};
	if (typeof constant_value === 'string') return constant_value;
	const [, name] = /^google_project_iam_custom_role\.(\w+)/.exec(references[0] ?? '') ?? [];
	const role = resource_changes.find((change) => change.type === 'google_project_iam_custom_role' && change.name === name);
	const permissions = role?.change.after?.['permissions'];
	if (name === undefined || !Array.isArray(permissions)) throw new Error(`${address} grants which role? ${references.join(' ')}`);
	return `${name} (${permissions.toSorted().join(', ')})`;
}

function whoOf(expression: Expression | undefined): string {
	const reference = (expression?.references ?? []).join(' ');
	const [, account] = /google_service_account\.(\w+)/.exec(reference) ?? [];
	const [, module] = /module\.(\w+)/.exec(reference) ?? [];
	const [, sink] = /google_logging_project_sink\.(\w+)/.exec(reference) ?? [];
	if (reference.includes('var.alerts.silencers')) return 'alerts.silencers';
	if (account ?? module) return (account ?? module) as string;
	if (sink !== undefined) return `sink ${sink}`;
	if (reference.includes('google_bigquery_connection')) return 'connection of BigQuery';
	if (reference.includes('google_storage_project_service_account')) return 'agents of Pub/Sub, Cloud Storage and BigQuery';
	if (reference.includes('local.agents.pubsub')) return 'agent of Pub/Sub';
	throw new Error(`who is that? ${reference}`);
}

function placesOf({ address, type, expressions, for_each_expression }: PlannedResource, plan: Plan): string[] {
	const named = (argument: string, kind: string): string => `${kind} ${nameIn(expressions[argument])}`;
	switch (type) {
		case 'google_project_iam_member':
			if (expressions['project']?.references?.includes('each.key')) return ['project of each cluster'];
			return [expressions.condition ? `project, ${String(expressions.condition[0].title.constant_value)} alone` : 'project'];
		case 'google_bigquery_dataset_iam_member':
			return [for_each_expression ? 'datasets of rejudge.log_analytics and rejudge.exported' : 'dataset'];
		case 'google_bigquery_table_iam_member':
			return [
				...new Set(
					plan.resource_changes
						.filter((change) => change.type === type && new RegExp(`\\.${address}(\\[|$)`).test(change.address))
						.map(({ change }) => `table ${String(change.after?.['table_id'])}`),
				),
			];
		case 'google_bigquery_connection_iam_member':
			return [named('connection_id', 'connection')];
		case 'google_storage_bucket_iam_member':
			return [named('bucket', 'bucket')];
		case 'google_pubsub_topic_iam_member':
			return [named('topic', 'topic')];
		case 'google_pubsub_subscription_iam_member':
			return [named('subscription', 'subscription')];
		case 'google_kms_crypto_key_iam_member':
			return ['kms_key'];
		default:
			throw new Error(`${address} grants a role on something that is not in the table: ${type}`);
	}
}

/** As docs/deploy.md has it. */
export const formatPrivileges = (privileges: readonly Privilege[]): string =>
	[
		'| who | role | on | why |',
		'| --- | --- | --- | --- |',
		...privileges.map(
			(privilege) => `| \`${privilege.who}\` | \`${privilege.role}\` | ${privilege.on} | ${PRIVILEGES[keyOf(privilege)] ?? 'NOT KNOWN'} |`,
		),
	].join('\n');
