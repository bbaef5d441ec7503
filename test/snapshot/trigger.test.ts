import { equal, is, match } from 'uvu/assert';
import { formatClusterName, type ParsedTrigger, parseClusterName, parseTrigger } from '../../functions/snapshot/trigger.ts';
import { describe } from '../describe.ts';

const RECEIVED = '2026-03-04T05:00:09Z';
const PUBLISHED = '2026-03-04T05:00:05.5Z';
const CLUSTER = { project: 'p', location: 'europe-west1', name: 'c' };

const parse = (document: unknown, publishTime: string | undefined = PUBLISHED): ParsedTrigger =>
	parseTrigger(
		{
			id: 'm',
			data: Buffer.from(typeof document === 'string' ? document : JSON.stringify(document)),
			attributes: {},
			...(publishTime !== undefined && { publishTime }),
		},
		RECEIVED,
	);

const audit = (changes: { method?: string; payload?: object; labels?: object; entry?: object } = {}) => ({
	logName: 'projects/p/logs/cloudaudit.googleapis.com%2Factivity',
	timestamp: '2026-03-04T05:00:01.123456789Z',
	protoPayload: {
		methodName: changes.method ?? 'io.k8s.networking.v1.networkpolicies.patch',
		resourceName: 'networking.k8s.io/v1/namespaces/shop/networkpolicies/web',
		...changes.payload,
	},
	resource: { type: 'k8s_cluster', labels: { project_id: 'p', location: 'europe-west1', cluster_name: 'c', ...changes.labels } },
	...changes.entry,
});

describe('a request for a snapshot', (it) => {
	it('comes from ingest, with its own time', () => {
		equal(parse({ cluster: CLUSTER, reason: 'flagged', requestedAt: '2026-03-04T05:00:00.250Z' }), {
			kind: 'trigger',
			trigger: { cluster: CLUSTER, reason: 'flagged', requestedAt: '2026-03-04T05:00:00.25Z' },
		});
		equal(parse({ cluster: { location: 'l', name: 'c' }, reason: 'no-snapshot' }), {
			kind: 'trigger',
			trigger: { cluster: { location: 'l', name: 'c' }, reason: 'no-snapshot', requestedAt: PUBLISHED },
		});
	});

	it('comes from Cloud Scheduler, with the time at which it was published, or else received', () => {
		const cluster = 'projects/p/locations/europe-west1/clusters/c';
		equal(parse({ cluster, reason: 'schedule' }), {
			kind: 'trigger',
			trigger: { cluster: CLUSTER, reason: 'schedule', requestedAt: PUBLISHED },
		});
		const late = parse({ cluster }, 'yesterday');
		equal(late.kind === 'trigger' && [late.trigger.reason, late.trigger.requestedAt], ['manual', RECEIVED]);
	});

	it('is refused where it cannot be understood', () => {
		for (const document of [
			'',
			'{',
			'[]',
			'"a"',
			'null',
			'1',
			{ reason: 'schedule' },
			{ cluster: 'c' },
			{ cluster: { name: 'c' } },
			{ cluster: { location: 1, name: 'c' } },
			{ cluster: { ...CLUSTER, name: 'c'.repeat(1000) } },
			{ cluster: { ...CLUSTER, project: '..' } },
			{ cluster: { ...CLUSTER, location: 'l/../m' } },
			{ cluster: 'projects/p/locations/l/clusters/c?alt=media' },
			{ cluster: 'projects/p/locations/l/clusters/c\n' },
		])
			is(parse(document).kind, 'refused', JSON.stringify(document));
		const refused = parse({ cluster: CLUSTER, reason: 'because' });
		match(refused.kind === 'refused' ? refused.detail : '', /reason must be one of schedule, no-snapshot/);
		is(parse({ cluster: CLUSTER, reason: 'policy-change' }).kind, 'refused');
	});
});

describe('an entry of the audit log', (it) => {
	it('says which cluster’s policy was changed, and when', () => {
		equal(parse(audit()), {
			kind: 'trigger',
			trigger: {
				cluster: CLUSTER,
				reason: 'policy-change',
				requestedAt: '2026-03-04T05:00:01.123456789Z',
				changedAt: '2026-03-04T05:00:01.123456789Z',
			},
		});
	});

	for (const method of [
		'io.k8s.networking.v1.networkpolicies.create',
		'io.k8s.networking.v1.networkpolicies.deletecollection',
		'io.k8s.core.v1.namespaces.update',
		'com.gke.networking.v1alpha1.networkloggings.delete',
		'networking.gke.io.v1alpha3.fqdnnetworkpolicies.create',
		'io.cilium.v2.ciliumclusterwidenetworkpolicies.patch',
		'org.projectcalico.crd.v1.globalnetworkpolicies.delete',
	])
		it(`concerns policy: ${method}`, () => is(parse(audit({ method })).kind, 'trigger'));

	for (const [what, changes] of Object.entries({
		'a read': { method: 'io.k8s.networking.v1.networkpolicies.list' },
		'another kind': { method: 'io.k8s.core.v1.pods.create' },
		'a change that was refused': { payload: { status: { code: 7, message: 'denied' } } },
		'a status': { payload: { resourceName: 'networking.k8s.io/v1/namespaces/shop/networkpolicies/web/status' } },
		'no method': { payload: { methodName: 5 } },
	}))
		it(`is ignored where it is ${what}`, () => is(parse(audit(changes)).kind, 'ignored'));

	it('whose status says that nothing is wrong counts', () => is(parse(audit({ payload: { status: {} } })).kind, 'trigger'));

	it('is refused where it names no cluster, and published then where it has no time', () => {
		is(parse(audit({ labels: { cluster_name: '' } })).kind, 'refused');
		is(parse(audit({ labels: { cluster_name: 'c'.repeat(1000) } })).kind, 'refused');
		is(parse(audit({ labels: { project_id: 'p?x' } })).kind, 'refused');
		const untimed = parse(audit({ entry: { timestamp: null } }));
		is(untimed.kind === 'trigger' && untimed.trigger.changedAt, PUBLISHED);
	});
});

describe('the name of a cluster', (it) => {
	it('is read as Google writes it', () => {
		equal(parseClusterName('projects/p/zones/europe-west1-b/clusters/c'), { project: 'p', location: 'europe-west1-b', name: 'c' });
		for (const text of ['', 'c', 'projects/p/clusters/c', 'projects/p/locations/l/clusters/c/x', 'projects//locations/l/clusters/c'])
			is(parseClusterName(text), undefined, text);
		is(formatClusterName(CLUSTER), 'projects/p/locations/europe-west1/clusters/c');
		is(formatClusterName({ location: 'l', name: 'c' }), 'locations/l/clusters/c');
	});
});
