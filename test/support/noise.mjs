// A noisy neighbour: asks as fast as it is answered, over many connections, until it is killed.
// node noise.mjs <base url> <service key> <loops>
const [, , base, key, loops] = process.argv;
const headers = { authorization: `Bearer ${key}` };
const paths = [
  '/v1/audit/export',
  '/v1/agents?limit=200',
  '/v1/audit/entries?limit=200',
  '/v1/credentials',
  '/v1/brakes',
];

async function ask(path) {
  const answer = await fetch(base + path, { headers });
  await answer.arrayBuffer();
  return answer.status;
}

async function register() {
  const body = JSON.stringify({ name: `n${crypto.randomUUID()}` });
  const answer = await fetch(`${base}/v1/agents`, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    body,
  });
  await answer.arrayBuffer();
  return answer.status;
}

const counts = {};
for (let i = 0; i < Number(loops); i += 1) {
  void (async () => {
    for (let n = i; ; n += 1) {
      const status = await (n % 6 === 5 ? register() : ask(paths[n % 6])).catch(() => 'failed');
      counts[status] = (counts[status] ?? 0) + 1;
    }
  })();
}
setInterval(() => console.log(JSON.stringify(counts)), 200);
