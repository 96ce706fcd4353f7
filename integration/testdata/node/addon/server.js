const bcrypt = require('bcrypt')

require('http').createServer((request, response) => {
  response.end(bcrypt.hashSync('a', '$2a$06$m0CrhHm10qJ3lXRY.5zDGO') + '\n')
}).listen(process.env.PORT || 8080)

process.on('SIGTERM', () => process.exit())
