import ctypes as c, sys
service, user, password = sys.stdin.buffer.read().split(b"\0")[:3]
try:
    pam, libc = c.CDLL("libpam.so.0"), c.CDLL(None)
except OSError:
    sys.exit(3)
class Message(c.Structure):
    _fields_ = [("style", c.c_int), ("text", c.c_char_p)]
class Response(c.Structure):
    _fields_ = [("text", c.c_void_p), ("code", c.c_int)]
Talk = c.CFUNCTYPE(c.c_int, c.c_int, c.POINTER(c.POINTER(Message)), c.POINTER(c.POINTER(Response)), c.c_void_p)
class Conversation(c.Structure):
    _fields_ = [("talk", Talk), ("data", c.c_void_p)]
libc.calloc.restype = libc.strdup.restype = c.c_void_p
libc.calloc.argtypes = [c.c_size_t, c.c_size_t]
libc.strdup.argtypes = [c.c_char_p]
@Talk
def talk(count, messages, responses, data):
    responses[0] = c.cast(libc.calloc(count, c.sizeof(Response)), c.POINTER(Response))
    for i in range(count):
        if messages[i].contents.style == 1:
            responses[0][i].text = libc.strdup(password)
    return 0
pam.pam_start.argtypes = [c.c_char_p, c.c_char_p, c.POINTER(Conversation), c.POINTER(c.c_void_p)]
pam.pam_authenticate.argtypes = pam.pam_acct_mgmt.argtypes = pam.pam_end.argtypes = [c.c_void_p, c.c_int]
handle, conversation = c.c_void_p(), Conversation(talk, None)
code = pam.pam_start(service, user, c.byref(conversation), c.byref(handle))
code = code or pam.pam_authenticate(handle, 0) or pam.pam_acct_mgmt(handle, 0)
pam.pam_end(handle, code)
sys.exit(1 if code else 0)
