# What Rack::Attack decides on a trace, to compare with: `rack-attack.rb LIMIT PERIOD < TRACE`. A line of the trace is a time in seconds since
# 1970 and a key; a line of the answer is 1 where the request passes, else 0.
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
  def read(key) = @counts[key]
  def write(key, value, _options = {}) = @counts[key] = value
  def delete(key) = @counts.delete(key)
  def increment(key, by, _options = {}) = @counts[key] = (@counts[key] || 0) + by
end

$at = 0
class << Time
  alias_method :real_now, :now
  def now = Time.at($at)
end

Rack::Attack.cache.store = Memory.new
Rack::Attack.throttle('trace', limit: Integer(ARGV[0]), period: Integer(ARGV[1])) { |request| request.get_header('HTTP_KEY') }
attack = Rack::Attack.new(->(_environment) { [200, {}, []] })
environment = Rack::MockRequest.env_for('/')
STDIN.each_line do |line|
  at, key = line.split
  $at = Integer(at)
  status, = attack.call(environment.merge('HTTP_KEY' => key))
  puts status == 200 ? 1 : 0
end
