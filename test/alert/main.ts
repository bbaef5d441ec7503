/**
 * `npm run test:alerts [-- --fingerprints N] [-- --every MINUTES]`: a day of 10,000 problems, bursts, repeats and resolutions, through the alert
 * function's run a minute, its SQL on DuckDB and Slack on loopback with its limits: as it is; with two runs at once, runs that die and an hour
 * in which Slack is down. Says how many messages that were, and that none of the problems was lost or told of twice.
 */
import { parseArgs } from 'node:util';
import { FLOOD } from '../../functions/alert/plan.ts';
import { createChecks } from '../servers/checks.ts';
import { accountOf } from './account.ts';
import { type Day, makeDay } from './day.ts';
import { type Played, type Playing, play } from './play.ts';

const HOUR_MS = 3_600_000;
const SEED = 20261125;

const { values } = parseArgs({ options: { fingerprints: { type: 'string', default: '10000' }, every: { type: 'string', default: '1' } } });
const { check, finish } = createChecks();
const day = makeDay({ fingerprints: Number(values.fingerprints), seed: SEED });
const tickMs = Number(values.every) * 60_000;
console.log(`${day.fingerprints} problems, ${day.entries.length} entries, ${day.episodes.length} episodes; seed ${SEED}`);

async function playDay(name: string, playing: Omit<Playing, 'seed' | 'tickMs'>): Promise<Played> {
	console.log(`── ${name}`);
	const started = performance.now();
	const played = await play(day, { ...playing, seed: SEED, tickMs });
	report(played, { day, seconds: (performance.now() - started) / 1000 });
	return played;
}

function report(played: Played, { day: of, seconds }: { readonly day: Day; readonly seconds: number }): void {
	const { lost, doubled, unresolved, unexplained, unsaid, events, messageIds } = accountOf(of, played);
	const { runs, twins, diedClaiming, diedPosting, yielded, failures, limited, left } = played;
	console.log(
		`${runs} runs in ${seconds.toFixed(0)} s (${twins} with another beside them, ${yielded} events yielded; ${diedClaiming} died before a post, ${diedPosting} after one; ${failures} could not post): ${played.messages} messages for ${JSON.stringify(events)} events; ${limited} answers 429, ${left} rows left of attempts`,
	);
	check(lost.length === 0, `${lost.length} problems lost${exampleOf(lost)}`);
	check(doubled.length === 0, `${doubled.length} told of as new twice in an episode${exampleOf(doubled)}`);
	check(unresolved.length === 0, `${unresolved.length} whose end was not told of once${exampleOf(unresolved)}`);
	check(unexplained.length === 0, `${unexplained.length} events that no entries explain${exampleOf(unexplained)}`);
	check(unsaid.length === 0, `${unsaid.length} policies noted as told of, and in no message${exampleOf(unsaid)}`);
	check(played.mostOfARun <= FLOOD.messages, `${played.mostOfARun} messages in a run at most, of ${FLOOD.messages}`);
	check(
		played.messages === messageIds + diedPosting,
		`${played.messages} messages: ${messageIds} that were noted, ${diedPosting} whose run died between post and note`,
	);
}

const exampleOf = (list: readonly string[]): string => (list[0] === undefined ? '' : `, such as ${list[0]}`);

const plain = await playDay('a day', {});
check(plain.twins + plain.diedClaiming + plain.diedPosting + plain.failures === 0, 'nothing went wrong in it');
const hard = await playDay('the same day: two runs at once, runs that die, Slack down from 14:00 to 15:00', {
	twins: 10,
	deaths: 20,
	down: [14 * HOUR_MS, 15 * HOUR_MS],
});
check(hard.yielded > 0, `${hard.yielded} events yielded to a run at the same time`);
check(hard.diedClaiming > 0 && hard.diedPosting > 0, 'runs died in both places');
check(hard.failures > 0, `${hard.failures} runs met a Slack that was down`);
finish();
