import os
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent
SECRET_KEY = os.environ.get("SECRET_KEY", "of a test")
ALLOWED_HOSTS = ["*"]
INSTALLED_APPS = ["django.contrib.staticfiles", "site_of_test"]
ROOT_URLCONF = "site_of_test.urls"
WSGI_APPLICATION = "site_of_test.wsgi.application"
STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "collected"
DATABASES = {}
