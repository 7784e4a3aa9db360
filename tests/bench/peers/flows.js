// node flows.js SOCKET FLOWS CONCURRENCY: so many BullMQ flows through one queue and one worker, whose jobs do nothing, on
// the Redis at this unix socket. Prints the seconds from the first add to the last flow's end.
//
// A flow is what a date is: five children -> g1 -> two -> g2 -> one -> g3 -> one -> g4. A job of BullMQ has one parent, so
// that of the two only the first can wait for g1; the other starts at once, which makes it less work than the real thing.
'use strict';
const { FlowProducer, Queue, Worker } = require('bullmq');

const [path, flows, concurrency] = process.argv.slice(2);
const connection = { path, maxRetriesPerRequest: null };
const queueName = 'nba';
const TOGETHER = 50; // flows that one addBulk makes

const job = (name, date, children) => ({ name, queueName, data: { game_date: date, processor: name }, children });

function flowOf(date) {
  const upstream = ['pgs', 'upgc', 'utgc', 'togs', 'tdgs'].map((name) => job(name, date));
  const g1 = job('g1', date, upstream);
  const g2 = job('g2', date, [job('psza', date, [g1]), job('tdza', date)]);
  const g3 = job('g3', date, [job('pcf', date, [g2])]);
  return job('g4', date, [job('pdc', date, [g3])]);
}

async function main() {
  const queue = new Queue(queueName, { connection });
  await queue.waitUntilReady();
  const producer = new FlowProducer({ connection });
  const worker = new Worker(queueName, async () => {}, { connection, concurrency: Number(concurrency) });
  let done = 0;
  const finished = new Promise((resolve) => {
    worker.on('completed', (one) => {
      if (one.name === 'g4' && ++done === Number(flows)) resolve();
    });
  });
  await worker.waitUntilReady();
  console.log('ready');
  const begun = process.hrtime.bigint();
  for (let next = 0; next < Number(flows); next += TOGETHER) {
    const some = [];
    for (let i = next; i < Math.min(next + TOGETHER, Number(flows)); i++) some.push(flowOf(`date-${i}`));
    await producer.addBulk(some);
  }
  await finished;
  const seconds = Number(process.hrtime.bigint() - begun) / 1e9;
  console.log(JSON.stringify({ flows: done, seconds }));
}

process.on('SIGTERM', () => process.exit(0));
main().catch((error) => {
  console.error(error);
  process.exit(1);
});
