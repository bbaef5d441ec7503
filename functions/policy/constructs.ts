/** Placeholder until the catalogue is written. */
export type ConstructId = string;
