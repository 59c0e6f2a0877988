/** Who runs hoy: each system test that makes sense for an ordinary user has a rootless twin. */
import { requires } from "./requires.ts";
import { type TestStore, testStore } from "./store.ts";
import { ordinaryUser, type TestUser, userWithoutRanges } from "./user.ts";

export interface Person {
  readonly title: "root" | "rootless" | "rootless without subordinate ids";
  readonly needs: readonly string[];
  readonly user: () => TestUser | undefined;
}

export const ROOT: Person = { title: "root", needs: ["root", "namespaces"], user: () => undefined };
export const ROOTLESS: Person = { title: "rootless", needs: ["rootless", "newuidmap"], user: ordinaryUser };
export const PLAIN: Person = { title: "rootless without subordinate ids", needs: ["root", "rootless", "useradd"], user: userWithoutRanges };

type Body = (store: TestStore, person: Person) => Promise<unknown>;

const reason = (error: unknown): string => (error instanceof Error ? (error.stack ?? error.message) : String(error));

/** `each([ROOT, ROOTLESS])("title", async (store) => …)`: a test per person, each on an empty store that is checked and removed afterwards. */
export const each =
  (people: readonly Person[], ...needs: readonly string[]) =>
  (title: string, body: Body, timeout?: number): void => {
    for (const person of people)
      requires(...person.needs, ...needs)(
        `${title} (${person.title})`,
        async () => {
          const user = person.user();
          try {
            await using store = await testStore(user ? { user } : {});
            await body(store, person);
          } catch (error) {
            // The body's own failure comes first; what it left behind is often its consequence.
            if (error instanceof SuppressedError) throw new Error(`${reason(error.suppressed)}\n\nand then: ${reason(error.error)}`);
            throw error;
          }
        },
        timeout,
      );
  };
