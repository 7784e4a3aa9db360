// node drain.js PROJECT SUBSCRIPTION MESSAGES: receives and acks so many messages, with the library's default settings, and
// does nothing else. The emulator is PUBSUB_EMULATOR_HOST's. Prints the seconds from the first message to the last ack.
'use strict';
const { PubSub } = require('@google-cloud/pubsub');

const [project, name, messages] = process.argv.slice(2);
const subscription = new PubSub({ projectId: project }).subscription(name);
let received = 0;
let begun;

subscription.on('message', (message) => {
  if (received === 0) begun = process.hrtime.bigint();
  message.ack();
  received += 1;
  if (received === Number(messages)) {
    const seconds = Number(process.hrtime.bigint() - begun) / 1e9;
    console.log(JSON.stringify({ received, seconds }));
  }
});
subscription.on('error', (error) => {
  console.error(error);
  process.exit(1);
});
process.on('SIGTERM', () => subscription.close().finally(() => process.exit(0)));
