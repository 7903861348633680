// 64 callers at once on one key with a limit: how many get through. Prints JSON, a number for each kind of storage.
import { setUp } from "./auth.mjs";

const [maxRequests, callers, rounds] = [50, 64, 8];

/** Storage that is asked over a network, as Redis is: each call ends a turn of the event loop later. */
function distantStorage() {
  const kept = new Map();
  const later = () => new Promise((resolve) => setImmediate(resolve));
  return {
    get: async (key) => (await later(), kept.get(key) ?? null),
    set: async (key, value) => (await later(), void kept.set(key, value)),
    delete: async (key) => (await later(), void kept.delete(key)),
  };
}

async function admitted(options) {
  const { verify } = await setUp({ maxRequests, ...options });
  let valid = 0;
  const caller = async () => {
    for (let n = 0; n < rounds; n++) if ((await verify()).valid) valid++;
  };
  await Promise.all(Array.from({ length: callers }, caller));
  return valid;
}

console.log(
  JSON.stringify({
    limit: maxRequests,
    asked: callers * rounds,
    database: await admitted({}),
    secondaryStorage: await admitted({
      storage: { storage: "secondary-storage" },
      secondaryStorage: distantStorage(),
    }),
  }),
);
