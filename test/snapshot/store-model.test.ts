/**
 * Runs that save what they collected, interleaved call by call, with failures and kills between any two calls. `SEED` and `RUNS` in the
 * environment say another begin and how many histories are played; a failure names its seed.
 */
import { gunzipSync } from 'node:zlib';
import * as assert from 'uvu/assert';
import { parseLatest } from '../../functions/adapters/bucket/names.ts';
import { parseSnapshot } from '../../functions/policy/snapshot.ts';
import { parseTime, sortableTime } from '../../functions/policy/time.ts';
import type { NewestSnapshot } from '../../functions/ports.ts';
import { type Saved, saveCollected } from '../../functions/snapshot/store.ts';
import { CLUSTER, FOLDER } from '../adapters/bucket/store.ts';
import { describe } from '../describe.ts';
import { createRandom, type Random } from '../random.ts';
import { createInterleaving, KILLED, NO_ANSWER, type Trouble } from './interleaving.ts';
import { createKept, stateOf } from './kept.ts';

const SEED = Number(process.env['SEED'] ?? 1);
const RUNS = Number(process.env['RUNS'] ?? 25);
const DAY_MS = 86_400_000;
const START_MS = Date.parse('2026-03-01T00:00:00Z');

const iso = (ms: number): string => parseTime(new Date(ms).toISOString()) ?? '';
const isAfter = (a: string, b: string): boolean => sortableTime(a) > sortableTime(b);

/** What a run was given, and what became of it: nothing where it ended before it knew. */
interface Played {
	readonly state: string;
	readonly collectedAt: string;
	readonly saved: Saved | undefined;
}

/** A newest snapshot that was told, and when the state was collected. */
type Told = NewestSnapshot & { readonly collectedAt: string };

/** Plays a history: groups of 1 to 4 runs at about the same time, and some minutes, hours or days between the groups. */
async function play(random: Random, trouble: Trouble) {
	const kept = createKept();
	const { wrap, settle, pause } = createInterleaving(random, trouble);
	const told: Told[] = [];
	const played: Played[] = [];

	/** After each write: what `latest.json` says is there, whole, and never goes back. */
	async function check(): Promise<void> {
		const bytes = kept.memory.held.get(`${FOLDER}latest.json`)?.bytes;
		if (!bytes) return;
		const latest = parseLatest(JSON.parse(bytes.toString()));
		if (typeof latest === 'string') assert.unreachable(latest);
		const { newest } = await kept.store.readNewest(CLUSTER);
		const { name } = latest as Exclude<typeof latest, string>;
		const snapshot = parseSnapshot(JSON.parse(gunzipSync(kept.memory.held.get(`${FOLDER}${name}`)?.bytes ?? '').toString()));
		if (!newest || typeof snapshot === 'string') return assert.unreachable(`${name}: ${String(snapshot)}`);
		assert.equal([snapshot.id, snapshot.validFrom], [newest.id, newest.validFrom]);
		assert.not(isAfter(newest.validFrom, newest.seenUntil));
		const before = told.at(-1);
		if (before?.id === newest.id) assert.not(isAfter(before.seenUntil, newest.seenUntil), 'seen until goes back');
		else {
			if (before) assert.ok(isAfter(newest.validFrom, before.validFrom), 'the newest goes back');
			told.push({ ...newest, collectedAt: snapshot.collectedAt ?? '' });
		}
		told[told.length - 1] = { ...(told.at(-1) as Told), seenUntil: newest.seenUntil };
	}

	async function run(atMs: number): Promise<Played> {
		const collectedAt = iso(atMs + random.below(4) * 1000);
		const state = random.pick(['a', 'b', 'c']);
		const changedAt = random.below(3) === 0 ? iso(atMs - random.below(120) * 1000) : undefined;
		const calls = { reads: 0, writes: 0 };
		const store = wrap(kept.store, check);
		const saved = saveCollected(
			{
				...store,
				readNewest: (cluster) => store.readNewest(cluster).finally(() => calls.reads++),
				write: (...args) => store.write(...args).finally(() => calls.writes++),
			},
			{ cluster: CLUSTER, state: stateOf(state), collectedAt, changedAt, beforeNewest: pause },
		);
		try {
			const result = await saved;
			// Who was not the quickest may have written it before knowing.
			if (result.kind === 'unchanged' && calls.reads === 1) assert.is(calls.writes, 0, 'an unchanged state was written');
			return { state, collectedAt, saved: result };
		} catch (error) {
			if (error !== KILLED && error !== NO_ANSWER) throw error;
			return { state, collectedAt, saved: undefined };
		}
	}

	let atMs = START_MS;
	for (let group = 0; group < 8; group++) {
		const results = await settle(Array.from({ length: 1 + random.below(4) }, () => run(atMs)));
		for (const result of results) {
			if (result.status === 'rejected') throw result.reason;
			played.push(result.value);
		}
		atMs += random.pick([1000, 60_000, 300_000, 3_600_000, 3 * DAY_MS, 8 * DAY_MS]);
	}
	return { kept, told, played };
}

type History = Awaited<ReturnType<typeof play>>;

/** What was said to be stored is found at its time, and nothing is found that a later change had replaced before. */
async function checkTimes({ kept, told, played }: History): Promise<void> {
	for (const { state, saved } of played) {
		if (saved?.kind !== 'changed' && saved?.kind !== 'rewritten') continue;
		const found = await kept.find(saved.snapshot.validFrom ?? '');
		assert.equal(found, { state, stale: false, id: saved.snapshot.id });
	}
	const stateById = new Map<string, { readonly collectedAt: string }>();
	for (const [name, { bytes }] of kept.memory.held) {
		if (!name.endsWith('.gz')) continue;
		const snapshot = parseSnapshot(JSON.parse(gunzipSync(bytes).toString()));
		if (typeof snapshot === 'string') return assert.unreachable(snapshot);
		stateById.set(snapshot.id, { collectedAt: snapshot.collectedAt ?? '' });
	}
	const moments = [...told.flatMap(({ validFrom, seenUntil }) => [validFrom, seenUntil]), ...played.map(({ collectedAt }) => collectedAt)];
	for (const moment of moments) {
		const found = await kept.find(moment);
		const change = told.findLast(({ validFrom }) => !isAfter(validFrom, moment));
		if (!change) continue;
		const collectedAt = stateById.get(found?.id ?? '')?.collectedAt ?? '';
		assert.ok(found, `nothing is found for ${moment}`);
		if (found?.id !== change.id) assert.not(isAfter(change.collectedAt, collectedAt) && isAfter(change.validFrom, collectedAt), moment);
	}
}

/** Runs that end by themselves leave nothing after the newest, which would hide it from those who look for an older time. */
function checkNothingHidden({ kept, told }: History): void {
	assert.is(kept.times().at(-1), told.at(-1)?.validFrom.replaceAll(':', ''));
}

/** Within a week one object is enough for a state that stays. */
function checkRewritten({ played }: History): void {
	for (const { saved } of played)
		if (saved?.kind === 'rewritten' && saved.replaced) {
			const apartMs = Date.parse(saved.newest.validFrom) - Date.parse(saved.replaced.validFrom);
			// Or both were stored before either knew of the other.
			assert.ok(apartMs > 7 * DAY_MS || apartMs < 125_000, `${apartMs} ms`);
		}
}

describe('runs that save at once', (it) => {
	const cases: [string, Trouble, readonly ((history: History) => unknown)[]][] = [
		['undisturbed', { kill: 0, fail: 0, deny: 0 }, [checkTimes, checkRewritten, checkNothingHidden]],
		['stored without being told so', { kill: 0, fail: 0, deny: 0.2 }, [checkTimes, checkRewritten, checkNothingHidden]],
		['without an answer', { kill: 0, fail: 0.05, deny: 0.05 }, [checkTimes, checkRewritten]],
		['killed', { kill: 0.08, fail: 0.02, deny: 0.02 }, [checkTimes, checkRewritten]],
	];
	for (const [name, trouble, checks] of cases)
		it(`${name}: what is told is there, and nothing goes back`, async () => {
			const kinds: Record<string, number> = {};
			for (let seed = SEED; seed < SEED + RUNS; seed++) {
				try {
					const history = await play(createRandom(seed), trouble);
					for (const check of checks) await check(history);
					for (const { saved } of history.played) kinds[saved?.kind ?? 'ended'] = (kinds[saved?.kind ?? 'ended'] ?? 0) + 1;
				} catch (error) {
					throw new Error(`SEED=${seed} RUNS=1: ${(error as Error).message}`, { cause: error });
				}
			}
			// All of it was played.
			if (RUNS < 20) return;
			assert.equal(
				Object.keys(kinds)
					.filter((kind) => kind !== 'ended')
					.sort(),
				['changed', 'older', 'rewritten', 'unchanged'],
			);
		});
});
