// Better Auth's API keys as its documentation sets them up, on its own memory adapter.
import { apiKey } from "@better-auth/api-key";
import { betterAuth } from "better-auth";
import { memoryAdapter } from "better-auth/adapters/memory";

/** `calls`: what the adapter was asked, one name a call. `storage`: the plugin's own options for where keys lie. */
export async function setUp({ maxRequests, storage = {}, secondaryStorage, calls = [] }) {
  const adapter = memoryAdapter({ user: [], session: [], account: [], verification: [], apikey: [] });
  const counted = (options) =>
    new Proxy(adapter(options), {
      get: (target, name) => {
        const value = target[name];
        if (typeof value !== "function") return value;
        return (...given) => {
          calls.push(name);
          return value.apply(target, given);
        };
      },
    });
  const auth = betterAuth({
    baseURL: "http://127.0.0.1:3000",
    secret: "a secret that is long enough for nobody to guess",
    telemetry: { enabled: false },
    // It would print every refusal.
    logger: { disabled: true },
    emailAndPassword: { enabled: true },
    database: counted,
    secondaryStorage,
    plugins: [apiKey({ rateLimit: { enabled: true, timeWindow: 3_600_000, maxRequests }, ...storage })],
  });
  const { user } = await auth.api.signUpEmail({
    body: { email: "owner@acme.example", name: "Owner", password: "instaview-instaview" },
  });
  const { key } = await auth.api.createApiKey({
    body: { userId: user.id, name: "Job board", permissions: { jobs: ["read"] } },
  });
  return { verify: () => auth.api.verifyApiKey({ body: { key, permissions: { jobs: ["read"] } } }) };
}
