from django.conf import settings
from django.http import HttpResponse
from django.urls import path


def index(request):
    collected = (settings.STATIC_ROOT / "word.txt").read_text().strip()
    return HttpResponse(f"Hello from Django, {collected}.")


urlpatterns = [path("", index)]
