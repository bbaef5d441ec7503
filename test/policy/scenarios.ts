import { ADDRESSES } from './scenarios/addresses.ts';
import { PORTS } from './scenarios/ports.ts';
import type { Decided } from './scenarios/scenario.ts';
import { SELECTORS } from './scenarios/selectors.ts';

/** One flow for each way in which a construct decides. */
export const DECIDED: readonly Decided[] = [...ADDRESSES, ...PORTS, ...SELECTORS];
