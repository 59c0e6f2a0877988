/** What the store takes on disk: images, containers and volumes, for `system df`. */
import type { Store } from "../../state/store.ts";
import { folderSize } from "../../storage/folder-size.ts";
import { imageLayers } from "../../storage/layers.ts";
import { type Listed, listContainers } from "../containers/list.ts";
import { containerSize } from "../containers/size.ts";
import { type ListedImage, listedImages } from "../images/list.ts";
import { type ListedVolume, listVolumes } from "../volumes/list.ts";

/** Bytes. */
export interface StoreUsage {
  /** Of all layers that images have, each once. */
  layers: number;
  images: { listed: ListedImage; shared: number; containers: number }[];
  containers: { listed: Listed; written: number }[];
  volumes: { volume: ListedVolume; size: number; links: number }[];
}

export function storeUsage(store: Store): StoreUsage {
  const images = listedImages(store).map((listed) => ({ listed, layers: imageLayers(store, listed.image.id) }));
  const owners = new Map<string, number>();
  const sizes = new Map<string, number>();
  for (const { layers } of images)
    for (const { chainId, size } of layers) {
      owners.set(chainId, (owners.get(chainId) ?? 0) + 1);
      sizes.set(chainId, size);
    }
  const count = (query: string, value: string): number => (store.db.query(query).get(value) as { number: number }).number;
  return {
    layers: sum([...sizes.values()]),
    images: images.map(({ listed, layers }) => ({
      listed,
      shared: sum(layers.filter(({ chainId }) => (owners.get(chainId) ?? 0) > 1).map(({ size }) => size)),
      containers: count("SELECT count(*) AS number FROM image_users WHERE image_id = ?", listed.image.id),
    })),
    containers: listContainers(store, { all: true }).map((listed) => ({ listed, written: containerSize(store, listed.row).SizeRw })),
    volumes: listVolumes(store).map((volume) => ({
      volume,
      size: folderSize(volume.mountpoint),
      links: count("SELECT count(*) AS number FROM container_volumes WHERE volume = ?", volume.name),
    })),
  };
}

/** Of many numbers. */
export const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0);
