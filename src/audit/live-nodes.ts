/** The nodes that may admit uses. Declared here because of the intents they leave; `brakes`, the room above, implements it. */
export abstract class LiveNodes {
  /** The names of the starts (`BootId`) whose leases run. Any other has cut the calls it had under way, or has died. */
  abstract bootIds(): Promise<ReadonlySet<string>>;
}
