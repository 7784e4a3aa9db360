// node firestore.js PROJECT COMPLETIONS CONCURRENT ROUND: one Firestore transaction per completion, as the present
// orchestrator does it: it reads the date's document, adds the processor, and marks the date triggered when all five are
// there. So many are under way at once, of different dates, so that no two wait for each other. The emulator is
// FIRESTORE_EMULATOR_HOST's. Prints the seconds that the transactions took.
'use strict';
const { Firestore } = require('@google-cloud/firestore');

const [project, completions, concurrent, round] = process.argv.slice(2);
const store = new Firestore({ projectId: project });
const dates = store.collection(`phase3_completion_${round}`);
const processors = ['player_game_summary', 'upcoming_player_game_context', 'upcoming_team_game_context',
  'team_offense_game_summary', 'team_defense_game_summary'];
const count = Math.floor(Number(completions) / processors.length); // dates

async function complete(number) {
  const date = dates.doc(`date-${number % count}`);
  const processor = processors[Math.floor(number / count)];
  await store.runTransaction(async (transaction) => {
    const state = (await transaction.get(date)).data() || {};
    state[processor] = { completed_at: new Date(), correlation_id: 'morning-ops-20251204', status: 'success',
      record_count: 200 + number % 50, execution_id: `4f0c7f0e-9a3d-4a53-8f4f-${number}` };
    if (processors.every((name) => state[name])) state._triggered = true;
    transaction.set(date, state);
  });
}

async function main() {
  await dates.doc('first').set({ connected: true });
  console.log('ready');
  const begun = process.hrtime.bigint();
  let next = 0;
  const worker = async () => {
    while (next < count * processors.length) await complete(next++);
  };
  await Promise.all(Array.from({ length: Number(concurrent) }, worker));
  const seconds = Number(process.hrtime.bigint() - begun) / 1e9;
  console.log(JSON.stringify({ completions: count * processors.length, seconds }));
}

process.on('SIGTERM', () => process.exit(0));
main().catch((error) => {
  console.error(error);
  process.exit(1);
});
