# How many requests a second Rack::Attack decides in one process, with two throttles and a store in memory: `rack_attack.rb KEYS SECONDS`.
require 'json'
require 'rack'
require 'rack/mock'
begin
  require 'active_support'
rescue LoadError
end
require 'rack/attack'

# The smallest store that it accepts.
class Memory
  def initialize = @counts = {}

  def read(key) = (found = @counts[key]) && found[1] > now ? found[0] : nil
  def write(key, value, options = {}) = @counts[key] = [value, now + (options[:expires_in] || 60).to_f]
  def delete(key) = @counts.delete(key)

  def increment(key, by, options = {})
    found = @counts[key]
    return found[0] += by if found && found[1] > now
    (@counts[key] = [by, now + (options[:expires_in] || 60).to_f])[0]
  end

  private

  def now = Process.clock_gettime(Process::CLOCK_REALTIME)
end

keys, seconds = Integer(ARGV[0]), Float(ARGV[1])
Rack::Attack.cache.store = Memory.new
Rack::Attack.throttle('logins/ip', limit: 1_000_000, period: 3_600) { |request| request.ip if request.path == '/login' && request.post? }
Rack::Attack.throttle('logins/email', limit: 1_000_000, period: 3_600) do |request|
  request.get_header('HTTP_X_EMAIL') if request.path == '/login' && request.post?
end
attack = Rack::Attack.new(->(_environment) { [200, {}, []] })
environments = Array.new(5_000) do |number|
  Rack::MockRequest.env_for('/login', method: 'POST', 'REMOTE_ADDR' => "10.#{number >> 8 & 255}.#{number & 255}.7")
end
count = 0
start = Process.clock_gettime(Process::CLOCK_PROCESS_CPUTIME_ID)
while Process.clock_gettime(Process::CLOCK_PROCESS_CPUTIME_ID) - start < seconds
  100.times do
    environment = environments[count % 5_000].merge('HTTP_X_EMAIL' => "u#{count % keys}@example.test")
    attack.call(environment)
    count += 1
  end
end
puts JSON.generate(per_second: (count / (Process.clock_gettime(Process::CLOCK_PROCESS_CPUTIME_ID) - start)).round)
