// telegram-test-api as a program: prints the address on its own line, ends when its standard input is closed.
const TelegramServer = require('telegram-test-api');

const server = new TelegramServer({ host: '127.0.0.1', port: Number(process.argv[2]), storeTimeout: 3600 });
server.start().then(
  () => console.log(`ready ${server.config.apiURL}`),
  (error) => {
    console.error(`${error.code || error}`);
    process.exit(1);
  },
);
process.stdin.on('end', () => process.exit(0)).resume();
