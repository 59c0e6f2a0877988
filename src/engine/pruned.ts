/** What a `prune` of containers or volumes took away. */
export interface Pruned {
  /** Ids of containers, names of volumes. */
  names: string[];
  bytes: number;
}
