import { equal, throws } from 'uvu/assert';
import { describe } from '../describe.ts';
import { type Plan, readPrivileges } from './privileges.ts';

type Resource = NonNullable<Plan['configuration']['root_module']['resources']>[number];

const MEMBER = { references: ['google_service_account.queries[0].member'] };
const project = (changes: Partial<Resource['expressions']>): Resource => ({
	address: 'google_project_iam_member.queries',
	type: 'google_project_iam_member',
	expressions: { member: MEMBER, role: { constant_value: 'roles/bigquery.jobUser' }, ...changes } as Resource['expressions'],
});
const customRole = (name: string, permissions: readonly string[]) => ({
	address: `module.m.google_project_iam_custom_role.${name}`,
	type: 'google_project_iam_custom_role',
	name,
	change: { after: { permissions } },
});

/** A plan of one module with one resource. */
const planOf = (resource: Resource): Plan => ({
	configuration: { root_module: { module_calls: { m: { expressions: {}, module: { resources: [resource] } } } } },
	resource_changes: [customRole('cluster_reader', ['b', 'a']), customRole('row_writer', ['c'])],
});

describe('privileges of a plan', (it) => {
	it('name a role by what it is, and one of our own by what it permits', () => {
		equal(readPrivileges(planOf(project({}))), [{ who: 'queries', role: 'roles/bigquery.jobUser', on: 'project' }]);
		for (const [name, role] of [
			['cluster_reader', 'cluster_reader (a, b)'],
			['row_writer', 'row_writer (c)'],
		]) {
			const reference = { references: [`google_project_iam_custom_role.${name}.name`, `google_project_iam_custom_role.${name}`] };
			equal(readPrivileges(planOf(project({ role: reference }))), [{ who: 'queries', role, on: 'project' }]);
		}
	});

	it('say where a condition narrows them', () => {
		const condition = [{ title: { constant_value: 'buckets x' } }];
		const expressions = { ...project({}).expressions, condition } as unknown as Resource['expressions'];
		equal(readPrivileges(planOf({ ...project({}), expressions }))[0]?.on, 'project, buckets x alone');
	});

	it('are none that cannot be told', () => {
		for (const references of [['local.admin'], ['each.value'], ['google_project_iam_custom_role.other.name'], []])
			throws(() => readPrivileges(planOf(project({ role: { references } }))), /google_project_iam_member\.queries grants which role/);
	});

	it('are of each project of a cluster, of the project, or of named members', () => {
		const silencers = { references: ['var.alerts.silencers', 'var.alerts'] };
		const each = { references: ['each.key'] };
		const read = (changes: Partial<Resource>, expressions: Partial<Resource['expressions']>) =>
			readPrivileges(planOf({ ...project(expressions), ...changes })).map(({ who, on }) => `${who}, ${on}`);
		equal(read({}, { project: { references: ['var.project_id'] } }), ['queries, project']);
		equal(read({}, { project: each }), ['queries, project of each cluster']);
		equal(read({ for_each_expression: silencers }, { member: { references: ['each.value'] } }), ['alerts.silencers, project']);
	});

	it('are those that the module of a function makes', () => {
		const expressions = {
			invokers: { references: ['google_service_account.scheduler[0].member'] },
			secrets: { references: ['local.alert_secret', 'google_secret_manager_secret.alerts[0].secret_id'] },
		};
		const grants = ['google_cloud_run_v2_service_iam_member.invoker', 'google_secret_manager_secret_iam_member.this'];
		const made = ['m.module.alert[0].google_cloud_run_v2_service_iam_member.invoker["scheduler"]'];
		const read = (addresses: readonly string[], planned: readonly string[]) => {
			const resources = addresses.map((address): Resource => ({ ...project({}), address, type: address.split('.')[0] ?? '' }));
			const { resource_changes } = planOf(project({}));
			const module = { resources: [], module_calls: { alert: { expressions, module: { resources } } } };
			return readPrivileges({
				configuration: { root_module: { module_calls: { m: { expressions: {}, module } } } },
				resource_changes: [
					...resource_changes,
					...planned.map((address) => ({ address: `module.${address}`, type: '', name: '', change: { after: null } })),
				],
			}).map(({ who, on }) => `${who}, ${on}`);
		};
		equal(read(grants, made), ['scheduler, function alert']);
		equal(read(grants, [...made, 'm.module.other.google_secret_manager_secret_iam_member.this["X"]']), ['scheduler, function alert']);
		equal(read(grants, [...made, 'm.module.alert[0].google_secret_manager_secret_iam_member.this["X"]']).sort(), [
			'alert, secret alerts',
			'scheduler, function alert',
		]);
		throws(() => read(['google_project_iam_member.x'], ['m.module.alert[0].google_project_iam_member.x']), /is not in the table/);
	});

	it('are granted in no other form', () => {
		for (const type of [
			'google_project_iam_binding',
			'google_storage_bucket_iam_policy',
			'google_bigquery_dataset_access',
			'google_storage_bucket_acl',
			'google_storage_bucket_access_control',
		])
			throws(() => readPrivileges(planOf({ ...project({}), type, address: `${type}.x` })), /grants otherwise than to one member/);
	});
});
