// One decision after the other: key, scope and rate limit (Better Auth has no allowlist of addresses). Prints JSON.
import { setUp } from "./auth.mjs";

const [warmUp, measured] = [2_000, 10_000];
const calls = [];
const { verify } = await setUp({ maxRequests: 1_000_000, calls });
for (let n = 0; n < warmUp; n++) await verify();
calls.length = 0;
if (!(await verify()).valid) throw new Error("the key is refused");
const callsOfOne = [...calls];
const times = [];
for (let n = 0; n < measured; n++) {
  const start = process.hrtime.bigint();
  const { valid } = await verify();
  times.push(Number(process.hrtime.bigint() - start));
  if (!valid) throw new Error("the key is refused");
}
times.sort((one, other) => one - other);
console.log(JSON.stringify({ p50Nanoseconds: times[measured / 2], p99Nanoseconds: times[measured * 0.99], calls: callsOfOne }));
