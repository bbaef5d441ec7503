/** What Terraform's files and the code must have in common. Needs no Terraform. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { equal, is, match, ok } from 'uvu/assert';
import { parseAllDocuments } from 'yaml';
import { STALE_AFTER_MS } from '../../functions/adapters/bucket/timeline.ts';
import { readSchemas, SCHEMAS } from '../../functions/adapters/schemas.ts';
import { CLAIM_MS, RUN_MS } from '../../functions/alert/run.ts';
import { parseAlertConfig } from '../../functions/alert-config.ts';
import { parseConfig } from '../../functions/config.ts';
import { GROUP_LIMITS } from '../../functions/ingest/group-commit.ts';
import { parseCandidates } from '../../functions/policy/candidates.ts';
import { CILIUM, DEFAULT_CANDIDATES, idsOf } from '../../functions/policy/semantics.ts';
import { KINDS } from '../../functions/snapshot/kinds.ts';
import { formatClusterName, POLICY_RESOURCES, parseClusterName } from '../../functions/snapshot/trigger.ts';
import { engineVersion } from '../../functions/version.ts';
import { describe } from '../describe.ts';
import { type Body, parseFile, readConfiguration, readText } from './configuration.ts';
import { alertLines, ingestLines, type Line, snapshotLines } from './lines.ts';

const ROOT = new URL('../../', import.meta.url);
const CLUSTER = 'projects/p/locations/europe-west1/clusters/c';
const root = await readConfiguration('');
const ofFunction = await readConfiguration('modules/function/');
const { tables, views } = await readSchemas();
const partitions = JSON.parse(readFileSync(new URL('partitions.json', SCHEMAS), 'utf8')) as Readonly<
	Record<string, { readonly column: string | null; readonly filter_required: boolean; readonly clustering: readonly string[] | null }>
>;
const deployed = ofFunction.resource['google_cloudfunctions2_function.this'];
const [serviceConfig = {}] = (deployed?.['service_config'] ?? []) as readonly Body[];
const functions = Object.entries(root.module).filter(([, { source }]) => source === './modules/function');
const sources = readdirSync(new URL('terraform/', ROOT)).filter((name) => name.endsWith('.tf'));
const texts = sources.map(readText).join('\n');

/** The keys of an object that an expression is made of: `${merge(local.environment, { A = 1 })}`. */
const keysIn = (expression: unknown): string[] =>
	typeof expression === 'string'
		? [...expression.matchAll(/\b([A-Z][A-Z_]{3,})\s*=/g)].map(([, key = '']) => key)
		: Object.keys(expression as Body);

describe('Terraform and the functions', (it) => {
	it('name the same entry points', () => {
		equal(
			functions.map(([name]) => name).sort(),
			readdirSync(new URL('functions/main/', ROOT))
				.map((file) => file.replace('.ts', ''))
				.filter((name) => isEntryPoint(name))
				.sort(),
		);
		for (const [name, { entry_point, artefact }] of functions) {
			is(entry_point, name);
			is(artefact, `\${local.artefacts}/${name}`);
		}
	});

	it('name the same variables of the environment', () => {
		const platform = keysIn(serviceConfig['environment_variables']);
		equal(platform, ['NODE_OPTIONS', 'LOG_EXECUTION_ID']);
		for (const [name, { environment }] of functions) {
			if (name === 'alert') continue;
			const set = [...keysIn(root.locals['environment']), ...keysIn(environment)];
			ok(set.length > 0, name);
			// What the code does not read, it cannot refuse.
			const refused = problemsOf(parseConfig, Object.fromEntries(set.map((key) => [key, ' no such value '])));
			for (const key of set)
				ok(
					refused.some((problem) => problem.startsWith(key)),
					`${name} is told ${key}, which config.ts does not read`,
				);
			for (const problem of problemsOf(parseConfig, {})) ok(set.includes(problem.split(' ')[0] ?? ''), `${name} is not told: ${problem}`);
		}
	});

	it('name the same variables of the environment of alerts', () => {
		match(String(root.module['alert']?.['environment']), 'local.alert_environment');
		match(String(root.locals['alert_environment']), '"ALERT_${upper(name)}"');
		const set = keysIn(root.locals['alert_environment']);
		equal(set, ['DATASET', 'SLACK_CHANNEL', 'CONSTRUCTS_URL']);
		const refused = problemsOf(parseAlertConfig, Object.fromEntries(set.map((key) => [key, 'no such value'])));
		equal(
			refused.map((problem) => problem.split(' ')[0]),
			['DATASET', 'SLACK_CHANNEL', 'CONSTRUCTS_URL'],
		);
		equal(
			problemsOf(parseAlertConfig, {}).map((problem) => problem.split(' ')[0]),
			['DATASET'],
			'nothing else has to be told',
		);
	});

	it('name the same places that alerts go to', () => {
		const secrets = root.locals['alert_secrets'] as Readonly<Record<string, string>>;
		const values: Readonly<Record<string, string>> = { SLACK_TOKEN: 'xoxb-1' };
		const destinations = Object.entries(secrets).map(([to, variable]) => {
			const channel = to === 'slack-bot' ? { SLACK_CHANNEL: 'C0123456789' } : {};
			const parsed = parseAlertConfig({ DATASET: 'my-project.d', [variable]: values[variable] ?? 'https://example.com/hook', ...channel });
			return parsed.kind === 'ok' ? parsed.config.destination.kind : parsed.problems.join();
		});
		equal(destinations, Object.keys(secrets));
		const [first = {}] = (root.variable['alerts']?.['validation'] ?? []) as readonly Body[];
		const allowed = [...String(first['condition']).matchAll(/"([^"]+)"/g)].map(([, to]) => to);
		equal(allowed.sort(), [...destinations, 'log'].sort());
	});

	it('take the same pace of alerts', () => {
		const bounds = root.locals['alert_bounds'] as Readonly<Record<string, readonly [number, number]>>;
		equal(keysIn(root.locals['alert_environment']).length + Object.keys(bounds).length, 8);
		for (const [name, [least, most]] of Object.entries(bounds)) {
			const variable = `ALERT_${name.toUpperCase()}`;
			const problems = (value: number): readonly string[] =>
				problemsOf(parseAlertConfig, { DATASET: 'my-project.d', [variable]: String(value) });
			for (const value of [least, most]) equal(problems(value), [], variable);
			for (const value of [least - 1, most + 1])
				match(problems(value).join(), new RegExp(`^${variable} is no whole number from ${least} to ${most} `));
		}
		const pace = /pace = optional\(object\(\{([^}]*)\}/.exec(readText('variables.tf'))?.[1] ?? '';
		equal([...pace.matchAll(/(\w+)\s*=/g)].map(([, name]) => name).sort(), Object.keys(bounds).sort());
		// What the page says of each.
		for (const name of Object.keys(bounds)) {
			const said = new RegExp(`\\| \`${name}\` \\| (\\d+) \\|`).exec(readFileSync(new URL('docs/deploy.md', ROOT), 'utf8'))?.[1];
			ok(
				problemsOf(parseAlertConfig, { DATASET: 'my-project.d', [`ALERT_${name.toUpperCase()}`]: '-1' })
					.join()
					.endsWith(`; without it, ${said}`),
				name,
			);
		}
	});

	it('wait for the grant of a secret', () => {
		equal(deployed?.['depends_on'], ['${google_secret_manager_secret_iam_member.this}']);
	});

	it('end a run before Cloud Scheduler gives it up, and its claims after both', () => {
		const timeoutMs = Number(root.module['alert']?.['timeout_seconds']) * 1000;
		is(root.resource['google_cloud_scheduler_job.alert']?.['attempt_deadline'], `${timeoutMs / 1000}s`);
		// A request of Slack's may be under way, and what became of it is noted.
		ok(RUN_MS + 60_000 <= timeoutMs);
		ok(timeoutMs < CLAIM_MS);
	});

	it('name the same candidates, in the same order', () => {
		equal(root.locals['cilium'], idsOf(CILIUM));
		equal(
			idsOf(CILIUM).filter((id) => !id.endsWith('-pods')),
			idsOf(DEFAULT_CANDIDATES),
		);
	});

	it('name the same resources whose changes ask for a snapshot', () => {
		equal(root.locals['policy_resources'], [...POLICY_RESOURCES]);
	});

	it('name the same kinds that the collector lists', () => {
		const [role, binding] = rbac();
		const rules = role?.['rules'] as { apiGroups: string[]; resources: string[]; verbs: string[] }[];
		const granted = rules.flatMap(({ apiGroups, resources }) =>
			apiGroups.flatMap((group) => resources.map((resource) => `${group}/${resource}`)),
		);
		const plural = (kind: string): string => kind.toLowerCase().replace(/y$/, 'ie').concat('s');
		equal(granted.sort(), KINDS.map(({ group, kind }) => `${group}/${plural(kind)}`).sort());
		ok(rules.every(({ verbs }) => verbs.join() === 'list'));

		const apiGroup = 'rbac.authorization.k8s.io';
		equal([role?.['kind'], role?.['metadata'], binding?.['kind']], ['ClusterRole', { name: 'NAME' }, 'ClusterRoleBinding']);
		equal(binding?.['roleRef'], { apiGroup, kind: 'ClusterRole', name: 'NAME' });
		equal(
			binding?.['subjects'],
			['USER', 'ID'].map((name) => ({ apiGroup, kind: 'User', name })),
		);
	});

	it('count log lines that the functions write', async () => {
		const cluster = parseClusterName(CLUSTER);
		// A cluster is told apart by the name that Terraform knows it by.
		is(cluster && formatClusterName(cluster), CLUSTER);
		const ingested = await ingestLines();
		const collected = await snapshotLines(CLUSTER);
		const told = await alertLines();
		// By metric: what a line is, and the label that it is counted under; of all the lines that the functions can write.
		const metrics = { ...(root.locals['metrics'] as Record<string, Metric>), ...(root.locals['alert_metrics'] as Record<string, Metric>) };
		const written: Readonly<Record<string, readonly Line[]>> = { ingest: ingested, snapshot: collected, alert: told };
		const counted = Object.entries(metrics).map(([metric, { filter, labels }]) => {
			const lines = written[/local\.log_of\.(\w+)/.exec(filter)?.[1] ?? ''] ?? [];
			const [[label = '', extractor = ''] = []] = Object.entries(labels);
			const field = /^EXTRACT\(jsonPayload\.(\w+)\)$/.exec(extractor)?.[1] ?? '';
			return [metric, ...lines.filter((line) => isSelected(filter, line)).map((line) => [line['outcome'], label, line[field]].join(' '))];
		});
		equal(counted, [
			['collections', ...['changed', 'unchanged', 'rewritten', 'older'].map((outcome) => `${outcome} cluster ${CLUSTER}`)],
			['rejects', 'reject reason not-an-entry'],
			['retries', 'retry reason warehouse-unavailable'],
			['alert-runs', ...['ok', 'failed', 'failed', 'failed', 'ok'].map((outcome) => `${outcome} outcome ${outcome}`)],
		]);
		// What Cloud Monitoring tells of, with the words that it takes from a line.
		const [condition = {}] = (root.resource['google_monitoring_alert_policy.problems']?.['conditions'] ?? []) as readonly Body[];
		const [matched] = condition['condition_matched_log'] as [{ filter: string; label_extractors: Readonly<Record<string, string>> }];
		const opened = told.filter((line) => isSelected(matched.filter, line));
		equal(
			opened.map((line) => line['alert_state']),
			['firing', 'firing', 'firing'],
		);
		for (const extractor of Object.values(matched.label_extractors)) {
			const path = /^EXTRACT\(jsonPayload\.([\w.]+)\)$/.exec(extractor)?.[1]?.split('.') ?? [];
			const said = opened.map((line) => path.reduce<unknown>((value, field) => (value as Line)[field], line));
			ok(path.length > 0 && said.every((value) => typeof value === 'string' && value !== ''), extractor);
		}
	});

	it('agree how long a state is fresh', () => {
		is(Number(root.locals['stale_after_seconds']) * 1000, STALE_AFTER_MS);
	});

	it('make the version of the engine alike', () => {
		// As Terraform evaluates it; that it does is tested by its own tests.
		const parts =
			/join\("(.)", compact\(\[\s*jsondecode\(file\(".*package\.json"\)\)\.version,[\s\S]*join\("(.)", local\.candidates\)/.exec(
				String(root.locals['engine_version']),
			);
		const { version } = JSON.parse(readFileSync(new URL('package.json', ROOT), 'utf8')) as { version: string };
		is(engineVersion(DEFAULT_CANDIDATES), version);
		const narrowed = parseCandidates('cilium-1.16,cilium-1.15');
		if (typeof narrowed === 'string') throw new Error(narrowed);
		is(engineVersion(narrowed), `${version}${parts?.[1]}${['cilium-1.15', 'cilium-1.16'].join(parts?.[2])}`);
	});

	it('answer before a push times out, and fill a group of rows', () => {
		const { environment, concurrency } = root.module['ingest'] ?? {};
		const patience = Number(/PATIENCE_SECONDS\s*=\s*"(\d+)"/.exec(String(environment))?.[1]);
		ok(patience < Number(root.resource['google_pubsub_subscription.entries']?.['ack_deadline_seconds']));
		ok(patience < Number(root.module['ingest']?.['timeout_seconds']));
		ok(Number(concurrency) >= GROUP_LIMITS.maxRows, 'a group has at most as many rows as there are requests');
	});
});

type Parser = (
	env: Readonly<Record<string, string>>,
) => { readonly kind: 'ok' } | { readonly kind: 'refused'; readonly problems: readonly string[] };

const problemsOf = (parse: Parser, env: Readonly<Record<string, string>>): readonly string[] => {
	const parsed = parse(env);
	return parsed.kind === 'refused' ? parsed.problems : [];
};

interface Metric {
	readonly filter: string;
	readonly labels: Readonly<Record<string, string>>;
}

/** Whether a filter selects a line, of the form `… jsonPayload.FIELD="A"` or `=("A" OR "B")`. Throws where it has another. */
function isSelected(filter: string, line: Line): boolean {
	const [, field, values] = /^\$\{local\.log_of\.\w+\} jsonPayload\.(\w+)=(\(.+\)|"[^"]*")$/.exec(filter.replaceAll('\\"', '"')) ?? [];
	if (field === undefined || values === undefined) throw new Error(`which lines? ${filter}`);
	return [...values.matchAll(/"([^"]*)"/g)].some(([, value]) => value === line[field]);
}

/** The manifests, with a word for each of their variables. */
const rbac = (): Readonly<Record<string, unknown>>[] =>
	parseAllDocuments(readText('rbac.yaml.tftpl').replace(/\$\{(\w+)\}/g, (_, name: string) => name.toUpperCase())).map((document) =>
		document.toJS(),
	);

/** A composition root exports its function under its own name; the others are shared between them. */
const isEntryPoint = (name: string): boolean =>
	readFileSync(new URL(`functions/main/${name}.ts`, ROOT), 'utf8').includes(`export const ${name} =`);

describe('Terraform and the schemas', (it) => {
	it('partition every table by columns that it has', () => {
		equal(Object.keys(partitions).sort(), [...tables.keys()].sort());
		for (const [table, { column, filter_required, clustering }] of Object.entries(partitions)) {
			const fields = new Map(tables.get(table)?.map((field) => [field.name, field]));
			if (column === null) is(filter_required, false, table);
			else is(fields.get(column)?.type, 'TIMESTAMP', table);
			// BigQuery's limit.
			ok((clustering ?? []).length <= 4, table);
			for (const name of clustering ?? [])
				ok(fields.has(name) && fields.get(name)?.mode !== 'REPEATED', `${table} is clustered by ${name}`);
		}
	});

	it('say the same in the README of the schemas', () => {
		const readme = readFileSync(new URL('README.md', SCHEMAS), 'utf8');
		for (const [table, { column, filter_required, clustering }] of Object.entries(partitions)) {
			const row =
				readme
					.split('\n')
					.find((line) => line.startsWith(`| \`${table}\``))
					?.split('|')
					.map((cell) => cell.trim()) ?? [];
			const said = column === null ? 'not partitioned' : `\`${column}\`, ${filter_required ? 'filter required' : 'no filter required'}`;
			equal([row[3], row[4]], [said, (clustering ?? []).map((name) => `\`${name}\``).join(', ')], table);
		}
	});

	it('give every partitioned table of the functions an end', () => {
		const expiring = Object.keys(root.locals['expiration_days'] as Body);
		for (const table of expiring) ok(partitions[table]?.column, table);
		// Alerts are the memory of what was said, and there are few.
		equal(
			Object.keys(partitions).filter((table) => partitions[table]?.column && !expiring.includes(table)),
			['alerts_v1'],
		);
	});

	it('name tables and views that there are', () => {
		for (const [, name = ''] of texts.matchAll(/"(\w+_v\d+)"/g)) ok(tables.has(name), name);
	});

	it('make views in two steps, which is as deep as they read each other', () => {
		const readsOf = (sql: string): string[] => [...views.keys()].filter((name) => sql.includes(`\${dataset}.${name}\``));
		for (const [name, sql] of views)
			for (const read of readsOf(sql)) equal(readsOf(views.get(read) ?? ''), [], `${name} reads ${read}, which reads others`);
	});

	it('fill every placeholder of the scheduled queries', () => {
		const given: Readonly<Record<string, readonly string[]>> = {
			engine_version: ['engine_version', 'since', 'until'],
			never_streamed_log_analytics: ['logs'],
			never_streamed_export: ['logs'],
		};
		for (const file of readdirSync(new URL('rejudge/', SCHEMAS))) {
			const name = file.replace('.sql', '');
			ok(texts.includes(name), `${name} is no scheduled query`);
			const sql = readFileSync(new URL(`rejudge/${file}`, SCHEMAS), 'utf8');
			const placeholders = new Set([...sql.matchAll(/\$\{(\w+)\}/g)].map(([, each = '']) => each));
			equal([...placeholders].sort(), ['dataset', ...(given[name] ?? [])].sort(), name);
		}
	});
});

describe('Terraform itself', (it) => {
	it('has every validation tried', async () => {
		const tried = Object.values(
			((await parseFile('tests/validations.tftest.hcl'))['run'] ?? {}) as Record<string, [{ expect_failures: string[] }]>,
		);
		const failures = tried.map(([{ expect_failures }]) => expect_failures.join());
		for (const [name, variable] of Object.entries(root.variable)) {
			const validations = (variable['validation'] ?? []) as { error_message: string }[];
			is(failures.filter((failure) => failure === `\${var.${name}}`).length, validations.length, name);
			for (const { error_message } of validations) match(error_message, new RegExp(`^${name}`), 'a message begins with what is wrong');
		}
	});

	it('describes every variable and output', async () => {
		for (const [name, { description }] of Object.entries(root.variable)) ok(description, name);
		for (const [name, [{ description }]] of Object.entries((await parseFile('outputs.tf'))['output'] as Record<string, [Body]>))
			ok(description, name);
	});

	it('is shown in the docs as its examples have it', () => {
		const page = new URL('docs/deploy.md', ROOT);
		let text = readFileSync(page, 'utf8');
		for (const name of readdirSync(new URL('terraform/examples/', ROOT))) {
			const section = new RegExp(`(?<=<!-- examples/${name} -->\\n)[\\s\\S]*?(?=<!-- /examples/${name} -->)`);
			match(text, section);
			text = text.replace(section, () => `\n\`\`\`hcl\n${readText(`examples/${name}/main.tf`)}\`\`\`\n\n`);
		}
		if (process.env['UPDATE'] === '1') writeFileSync(page, text);
		is(readFileSync(page, 'utf8'), text, 'UPDATE=1 npm test -- terraform writes it anew');
	});

	it('holds no secret', () => {
		for (const type of Object.keys(root.resource)) ok(!/secret_version|service_account_key|password/.test(type), type);
	});
});
