/** Ids and names of containers: random ones, and the grammar of given ones. */
import { HoyError } from "../../spec/error.ts";
import { isRestrictedName, NAME_CHARACTERS } from "./parse/volume-name.ts";

const NINE = 57;

/** 64 hex digits. The first 12 are never all decimal: they become host names, and some programs take such a one for a number. */
export function generateId(): string {
  for (;;) {
    const id = Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString("hex");
    for (let at = 0; at < 12; at++) if (id.charCodeAt(at) > NINE) return id;
  }
}

const ADJECTIVES =
  "able agile amber ample bold brave breezy bright brisk bronze calm candid cheery clear clever copper coral cosy crisp daring deft dusky eager early fair fast fleet fond frank fresh gentle gilded glad golden grand hardy hasty hearty honest humble ivory jaunty jolly keen kind lively loyal lucky mellow merry misty modest neat nimble noble northern open patient placid plucky polished prompt proud quick quiet rapid ready robust ruddy sage salty serene sharp shiny silver sleek snug solid spry stable starry staunch steady stout sturdy sunny sure swift tidy trim trusty upright valiant vivid warm wary western willing windward wise witty zesty".split(
    " ",
  );

/** Of ships and the sea. */
const NOUNS =
  "admiral albatross anchor backstay ballast barge bark barnacle beacon binnacle boatswain bobstay bollard boom bosun bow bowline bowsprit brig brigantine bulwark buoy capstan captain caravel carrack catamaran clipper coaming cockle compass corsair corvette coxswain crosstree current cutter dinghy dolphin dory fathom felucca fender ferry flotilla foremast forestay frigate galleon galley gangway gannet genoa gunwale halyard harbor hatch hawser heron hull isle jetty jib keel kelp ketch knot lagoon lantern lateen lighthouse longboat lugger mainsail mariner mast mizzen mooring narwhal navigator oar osprey outrigger packet pelican pennant petrel pilot pinnace porpoise port prow puffin quay rigging rudder sailor schooner scupper sextant shackle sheet shoal shroud skerry skiff skipper sloop spar spinnaker squall starboard stern steward strait surf tender thwart tide tiller topsail transom trawler tugboat voyage wake wharf whelk windlass xebec yardarm yawl".split(
    " ",
  );

/** An even choice below `limit`; node:crypto would cost the start-up milliseconds. */
function randomInt(limit: number): number {
  const whole = new Uint32Array(1);
  const fair = 2 ** 32 - (2 ** 32 % limit);
  do crypto.getRandomValues(whole);
  while ((whole[0] as number) >= fair);
  return (whole[0] as number) % limit;
}

const pick = (words: readonly string[]): string => words[randomInt(words.length)] as string;

/** `brisk_halyard`, with a digit behind it from the second try on, as names run out. */
export const randomName = (attempt = 0): string =>
  `${pick(ADJECTIVES)}_${pick(NOUNS)}${attempt > 0 ? randomInt(10 ** Math.min(attempt, 6)) : ""}`;

/** A random name that `taken` does not know; the row's UNIQUE name is what finally decides. */
export function freeName(taken: (name: string) => boolean): string {
  for (let attempt = 0; attempt < 20; attempt++) {
    const name = randomName(attempt);
    if (!taken(name)) return name;
  }
  throw new HoyError("cannot find a free container name", { hint: "choose one with --name" });
}

/** The name without Docker's leading slash. Throws a HoyError for what is none. */
export function checkContainerName(text: string): string {
  const name = text.startsWith("/") ? text.slice(1) : text;
  if (!isRestrictedName(name)) throw new HoyError(`Invalid container name (${text}), only ${NAME_CHARACTERS} are allowed`, { status: 400 });
  if (name.length > 255)
    throw new HoyError(`Invalid container name (${text.slice(0, 32)}…), it is longer than 255 characters`, { status: 400 });
  return name;
}

/** The name is another container's. */
export const nameConflict = (name: string, holder: string): HoyError =>
  new HoyError(
    `Conflict. The container name "/${name}" is already in use by container "${holder}". You have to remove (or rename) that container to be able to reuse that name.`,
    { status: 409 },
  );
