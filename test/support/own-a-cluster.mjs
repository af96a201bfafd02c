// Starts a cluster in the given folder and prints its URL; a spec kills it to see what the next start makes of it.
// Runs the build, because Node cannot run TypeScript: `npm run build` first.
const { EmbeddedCluster } = await import('../../dist/platform/database/embedded-cluster.js');
const cluster = await EmbeddedCluster.start({ dir: process.argv[2] });
console.log(cluster.adminUrl);
setInterval(() => undefined, 60_000);
