/** The tags of a repository: distribution-spec, "Listing Tags", page by page. */
import * as v from "valibot";
import { HoyError } from "../spec/error.ts";
import { familiarName, isTag, type Reference } from "../spec/reference.ts";
import { validate } from "../spec/validate.ts";
import type { Settings } from "../state/settings.ts";
import { openRepository, type Repository, request } from "./client.ts";
import { readComplaint } from "./complaint.ts";
import { endpointsOf } from "./hosts.ts";
import { openNetwork, readAll } from "./transport.ts";

const LARGEST_PAGE = 8 << 20;
const MOST_PAGES = 1000;
const pageSchema = v.looseObject({ tags: v.nullish(v.array(v.string())) });

/** All tags, in the registry's order. Throws HoyError. */
export async function listTags(reference: Reference, settings: Settings): Promise<string[]> {
  // A mirror's list may be old: the registry itself is asked.
  const endpoint = endpointsOf(reference.domain, settings).at(-1);
  if (!endpoint) throw new HoyError(`no address is known for registry ${reference.domain}`);
  const repository = openRepository(openNetwork(settings), endpoint, reference.path);
  const tags: string[] = [];
  let query: string | undefined = "";
  for (let page = 0; query !== undefined && page < MOST_PAGES; page++) query = await readPage(repository, { reference, query, tags });
  return tags;
}

/** Adds a page's tags; returns the query of the next page. */
async function readPage(
  repository: Repository,
  { reference, query, tags }: { reference: Reference; query: string; tags: string[] },
): Promise<string | undefined> {
  const what = `tags of ${familiarName(reference)}`;
  const answer = await request(repository, { path: `tags/list${query}` });
  if (answer.status !== 200) {
    const { status, words } = await readComplaint(answer);
    throw new HoyError(status === 404 ? `repository ${familiarName(reference)} not found: ${words}` : `${what}: ${words}`, { status });
  }
  const bytes = await readAll(answer, LARGEST_PAGE);
  let document: unknown;
  try {
    document = JSON.parse(new TextDecoder().decode(bytes));
  } catch (error) {
    throw new HoyError(`${what}: the answer is not JSON`, { status: 502, cause: error });
  }
  tags.push(...(validate(pageSchema, document, what).tags ?? []).filter(isTag));
  const [, next] = /<([^>]*)>\s*;\s*rel="?next"?/.exec(answer.headers.get("link") ?? "") ?? [];
  const search = next === undefined ? "" : next.slice(next.indexOf("?"));
  return search.startsWith("?") ? search : undefined;
}
