/** Every node of the deployment. Declared here because a seal concerns them all; `brakes`, the room above, implements it. */
export abstract class AllNodes {
  /** Resolves when every node has obeyed the platform chain up to this position, or can no longer act without doing so. */
  abstract obeyed(platformSeq: number): Promise<void>;
}
